"""A host is asked at its rate, left alone as long as it asks, and given up after a while."""

import pytest

from catalog.ingest.covers.fetch.host_rate_limits import PATIENCE_S, RATE_MIN, HostRate, HostRates, read_rate
from catalog.ingest.rejection import RowFault


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def host_rate(clock: Clock, per_s: float = 10.0) -> HostRate:
    return HostRate("cdn.example:443", per_s, clock)


def rate(host: HostRate) -> float:
    return 1 / (host.delay_s() * -1 + host.delay_s())


def test_turns_are_a_rate_apart_however_many_ask_at_once(clock: Clock) -> None:
    host = host_rate(clock, 4)

    assert [host.delay_s() for _ in range(5)] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_time_without_requests_is_not_saved_up(clock: Clock) -> None:
    host = host_rate(clock, 4)
    host.delay_s()
    clock.now_s += 100

    assert [host.delay_s() for _ in range(3)] == [0.0, 0.25, 0.5]


def test_a_host_that_refuses_has_everybody_wait(clock: Clock) -> None:
    host = host_rate(clock, 4)
    host.delay_s()

    host.refused(clock.now_s, 30.0, again=False)

    assert host.pause_s() == 30.0
    assert host.delay_s() == 30.0
    clock.now_s += 30
    assert host.pause_s() == 0.0


def test_a_wait_that_is_not_told_doubles_with_each_refusal(clock: Clock) -> None:
    host = host_rate(clock)
    waits = []
    for _ in range(7):
        host.refused(clock.now_s, None, again=False)
        waits.append(host.pause_s())
        clock.now_s += 40

    for wait, longest in zip(waits, [1, 2, 4, 8, 16, 30, 30], strict=True):
        assert longest / 2 <= wait <= longest


def test_the_rate_falls_to_what_the_host_answers_and_recovers(clock: Clock) -> None:
    host = host_rate(clock, 10)
    for _ in range(4):
        host.answered()

    host.refused(clock.now_s, 1.0, again=False)
    clock.now_s += 2
    slowed = rate(host)
    for _ in range(1000):
        host.answered()

    assert slowed == pytest.approx(10 * 4 / 5)
    assert rate(host) == pytest.approx(10)


def test_refusals_of_requests_that_were_under_way_together_count_as_one(clock: Clock) -> None:
    host = host_rate(clock, 10)
    for _ in range(19):
        host.answered()
    began_at = clock.now_s - 1

    for _ in range(4):
        host.refused(began_at, 1.0, again=False)
    clock.now_s += 2

    assert rate(host) == pytest.approx(10 * 19 / 20)


def test_a_cover_that_is_refused_again_does_not_slow_the_others(clock: Clock) -> None:
    host = host_rate(clock, 10)
    host.answered()

    for _ in range(8):
        clock.now_s += 5
        host.refused(clock.now_s, 1.0, again=True)
    clock.now_s += 5

    assert rate(host) == pytest.approx(10)


def test_the_rate_falls_no_further_than_one_in_ten_seconds(clock: Clock) -> None:
    host = host_rate(clock, 10)
    for _ in range(20):
        clock.now_s += 1
        host.refused(clock.now_s, 0.5, again=False)
        host.answered()
    for _ in range(20):
        clock.now_s += 1
        host.refused(clock.now_s, 0.5, again=False)
    host.answered()
    clock.now_s += 60

    assert rate(host) == pytest.approx(RATE_MIN * 1.01)


def test_a_refusal_makes_nobody_faster_than_was_asked_for(clock: Clock) -> None:
    host = host_rate(clock, 0.01)

    host.refused(clock.now_s, 1.0, again=False)
    clock.now_s += 2

    assert rate(host) == pytest.approx(0.01)


def test_a_host_that_answers_nothing_for_long_is_asked_once_in_a_while(clock: Clock) -> None:
    host = host_rate(clock)
    for _ in range(5):
        clock.now_s += PATIENCE_S / 4
        host.failed(clock.now_s)

    assert host.delay_s() == 0.0
    for _ in range(3):
        with pytest.raises(RowFault, match=r"cdn\.example:443 has answered nothing for 90 s"):
            host.delay_s()
    clock.now_s += 60
    assert host.delay_s() == 0.0
    host.answered()
    clock.now_s += 60
    assert [host.delay_s(), host.delay_s()] == pytest.approx([0.0, 0.1])


def test_a_host_that_was_idle_for_long_is_not_given_up_at_its_first_failures(clock: Clock) -> None:
    host = host_rate(clock)
    host.answered()
    clock.now_s += 3600
    for _ in range(9):
        clock.now_s += 1
        host.failed(clock.now_s)

    assert [host.delay_s(), host.delay_s()] == pytest.approx([0.0, 0.1])


def test_failures_at_once_give_no_host_up(clock: Clock) -> None:
    host = host_rate(clock)
    for _ in range(50):
        host.failed(clock.now_s)

    assert [host.delay_s(), host.delay_s()] == pytest.approx([0.0, 0.1])


def test_each_host_has_turns_of_its_own() -> None:
    every = HostRates(4)

    assert every.of("a:80") is every.of("a:80")
    assert every.of("a:80") is not every.of("a:443")


@pytest.mark.parametrize(
    ("text", "per_s"),
    [("4", 4), ("4/s", 4), (" 0.5/second", 0.5), ("30/minute", 0.5), ("30/m", 0.5), ("3600/h", 1)],
)
def test_a_rate_is_read(text: str, per_s: float) -> None:
    assert read_rate(text) == per_s


@pytest.mark.parametrize("text", ["", "0", "-1", "4/day", "fast", "4 / s", "1e3", "0/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a rate such as 4"):
        read_rate(text)
