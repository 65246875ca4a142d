"""The rate of a worker covers the last minute, or the time since its start."""

import threading

import pytest

from tests.clock import Clock
from worker.search.throughput import RunRate


@pytest.fixture
def rate(clock: Clock) -> RunRate:
    return RunRate(clock)


def run(rate: RunRate, clock: Clock, *, seconds: int, each_s: int) -> None:
    for _ in range(seconds):
        clock.now_s += 1
        for _ in range(each_s):
            rate.count()


def test_the_rate_is_the_mean_of_the_last_minute(rate: RunRate, clock: Clock) -> None:
    run(rate, clock, seconds=200, each_s=3)

    assert rate.per_s() == 3


def test_a_worker_that_has_just_started_has_the_rate_since_its_start(rate: RunRate, clock: Clock) -> None:
    run(rate, clock, seconds=10, each_s=5)

    assert rate.per_s() == 5


def test_runs_of_more_than_a_minute_ago_do_not_count(rate: RunRate, clock: Clock) -> None:
    run(rate, clock, seconds=100, each_s=8)

    clock.now_s += 30
    half = rate.per_s()
    clock.now_s += 31

    assert half == pytest.approx(4, abs=0.2)
    assert rate.per_s() == 0


def test_a_worker_without_runs_has_a_rate_of_zero(rate: RunRate) -> None:
    assert rate.per_s() == 0


def test_threads_count_together(clock: Clock, rate: RunRate) -> None:
    def count() -> None:
        for _ in range(1000):
            rate.count()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.now_s += 10

    assert rate.per_s() == 400
