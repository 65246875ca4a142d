"""Requests keep a host's rate limit, respect its `Retry-After`, and stop if the host stays unresponsive."""

import pytest

from catalog.ingest.covers.fetch.host_rate_limits import PATIENCE_S, RATE_MIN, HostRate, HostRates, read_rate
from catalog.ingest.rejection import RowFault
from tests.clock import Clock


def host_rate(clock: Clock, per_s: float = 10.0) -> HostRate:
    return HostRate("cdn.example:443", per_s, clock)


def rate(host: HostRate) -> float:
    return 1 / (host.delay_s() * -1 + host.delay_s())


def test_concurrent_requests_to_a_host_are_spaced_by_its_rate(clock: Clock) -> None:
    host = host_rate(clock, 4)

    assert [host.delay_s() for _ in range(5)] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_idle_time_does_not_allow_a_burst(clock: Clock) -> None:
    host = host_rate(clock, 4)
    host.delay_s()
    clock.now_s += 100

    assert [host.delay_s() for _ in range(3)] == [0.0, 0.25, 0.5]


def test_a_refusal_delays_every_request_to_its_host(clock: Clock) -> None:
    host = host_rate(clock, 4)
    host.delay_s()

    host.refused(clock.now_s, 30.0, again=False)

    assert host.pause_s() == 30.0
    assert host.delay_s() == 30.0
    clock.now_s += 30
    assert host.pause_s() == 0.0


def test_without_retry_after_the_wait_doubles_with_each_refusal(clock: Clock) -> None:
    host = host_rate(clock)
    waits = []
    for _ in range(7):
        host.refused(clock.now_s, None, again=False)
        waits.append(host.pause_s())
        clock.now_s += 40

    for wait, longest in zip(waits, [1, 2, 4, 8, 16, 30, 30], strict=True):
        assert longest / 2 <= wait <= longest


def test_the_rate_falls_after_a_refusal_and_recovers(clock: Clock) -> None:
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


def test_refusals_of_concurrent_requests_count_as_one(clock: Clock) -> None:
    host = host_rate(clock, 10)
    for _ in range(19):
        host.answered()
    began_at = clock.now_s - 1

    for _ in range(4):
        host.refused(began_at, 1.0, again=False)
    clock.now_s += 2

    assert rate(host) == pytest.approx(10 * 19 / 20)


def test_repeated_refusals_of_one_cover_do_not_slow_the_others(clock: Clock) -> None:
    host = host_rate(clock, 10)
    host.answered()

    for _ in range(8):
        clock.now_s += 5
        host.refused(clock.now_s, 1.0, again=True)
    clock.now_s += 5

    assert rate(host) == pytest.approx(10)


def test_the_rate_never_falls_below_one_request_in_ten_seconds(clock: Clock) -> None:
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


def test_a_refusal_never_raises_the_configured_rate(clock: Clock) -> None:
    host = host_rate(clock, 0.01)

    host.refused(clock.now_s, 1.0, again=False)
    clock.now_s += 2

    assert rate(host) == pytest.approx(0.01)


def test_an_unresponsive_host_is_only_probed(clock: Clock) -> None:
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


def test_first_failures_after_idle_time_do_not_give_up_a_host(clock: Clock) -> None:
    host = host_rate(clock)
    host.answered()
    clock.now_s += 3600
    for _ in range(9):
        clock.now_s += 1
        host.failed(clock.now_s)

    assert [host.delay_s(), host.delay_s()] == pytest.approx([0.0, 0.1])


def test_simultaneous_failures_do_not_give_up_a_host(clock: Clock) -> None:
    host = host_rate(clock)
    for _ in range(50):
        host.failed(clock.now_s)

    assert [host.delay_s(), host.delay_s()] == pytest.approx([0.0, 0.1])


def test_each_host_has_its_own_rate_limit() -> None:
    every = HostRates(4)

    assert every.of("a:80") is every.of("a:80")
    assert every.of("a:80") is not every.of("a:443")


@pytest.mark.parametrize(
    ("text", "per_s"),
    [("4", 4), ("4/s", 4), (" 0.5/second", 0.5), ("30/minute", 0.5), ("30/m", 0.5), ("3600/h", 1)],
)
def test_a_rate_is_parsed(text: str, per_s: float) -> None:
    assert read_rate(text) == per_s


@pytest.mark.parametrize("text", ["", "0", "-1", "4/day", "fast", "4 / s", "1e3", "0/s", "\u0664/s", "4_0"])
def test_an_invalid_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a rate such as 4"):
        read_rate(text)
