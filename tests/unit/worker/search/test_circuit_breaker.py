"""The circuit breaker opens after consecutive failures, probes with one call, and closes on success."""

import threading
from collections.abc import Callable

import pytest

from common.errors import CatalogMisconfigured, CatalogTimeout, CatalogUnavailable
from tests.clock import Clock
from worker.search.circuit_breaker import LONGEST_PAUSE_S, CircuitBreaker


class Catalog:
    """A catalog that counts its calls, and fails while `fault` is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.fault: Exception | None = CatalogUnavailable("down")

    def __call__(self) -> str:
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        return "albums"


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(open_after=3, clock_s=clock)


def fail(breaker: CircuitBreaker, call: Callable[[], str], *, times: int) -> None:
    for _ in range(times):
        with pytest.raises(CatalogUnavailable, match="down"):
            breaker.call(call)


def test_it_opens_after_consecutive_failures(breaker: CircuitBreaker, catalog: Catalog) -> None:
    fail(breaker, catalog, times=2)
    catalog.fault = None
    breaker.call(catalog)
    catalog.fault = CatalogUnavailable("down")

    fail(breaker, catalog, times=10)

    assert catalog.calls == 3 + 3


def test_a_failed_probe_after_the_pause_reopens_it(
    breaker: CircuitBreaker, catalog: Catalog, clock: Clock
) -> None:
    fail(breaker, catalog, times=3)

    clock.now_s += LONGEST_PAUSE_S
    fail(breaker, catalog, times=5)

    assert catalog.calls == 3 + 1


def test_a_successful_probe_closes_it(breaker: CircuitBreaker, catalog: Catalog, clock: Clock) -> None:
    fail(breaker, catalog, times=3)

    clock.now_s += LONGEST_PAUSE_S
    catalog.fault = None
    answers = [breaker.call(catalog) for _ in range(4)]

    assert answers == ["albums"] * 4


def test_permanent_errors_never_open_it(breaker: CircuitBreaker, catalog: Catalog) -> None:
    catalog.fault = CatalogMisconfigured("no such function", problem="rpc_missing")

    for _ in range(10):
        with pytest.raises(CatalogMisconfigured):
            breaker.call(catalog)

    assert catalog.calls == 10


def test_other_calls_are_refused_during_a_probe(
    breaker: CircuitBreaker, catalog: Catalog, clock: Clock
) -> None:
    fail(breaker, catalog, times=3)
    clock.now_s += LONGEST_PAUSE_S
    asked, released = threading.Event(), threading.Event()

    def slow() -> str:
        asked.set()
        released.wait(10)
        return "albums"

    probe = threading.Thread(target=breaker.call, args=(slow,))
    probe.start()
    asked.wait(10)
    clock.now_s += LONGEST_PAUSE_S
    fail(breaker, catalog, times=3)
    released.set()
    probe.join()

    assert catalog.calls == 3


def test_a_timeout_of_a_costly_call_does_not_count(breaker: CircuitBreaker, catalog: Catalog) -> None:
    catalog.fault = CatalogTimeout("slow")
    for _ in range(9):
        with pytest.raises(CatalogTimeout):
            breaker.call(catalog, is_costly=True)

    catalog.fault = None
    assert breaker.call(catalog) == "albums"


@pytest.mark.parametrize(
    ("fault", "is_costly"), [(CatalogTimeout("down"), False), (CatalogUnavailable("down"), True)]
)
def test_other_failures_count(
    breaker: CircuitBreaker, catalog: Catalog, fault: Exception, is_costly: bool
) -> None:
    catalog.fault = fault
    for _ in range(3):
        with pytest.raises(CatalogUnavailable):
            breaker.call(catalog, is_costly=is_costly)

    calls = catalog.calls
    with pytest.raises(CatalogUnavailable):
        breaker.call(catalog)
    assert catalog.calls == calls


def test_a_timeout_of_a_costly_call_does_not_close_the_breaker(
    breaker: CircuitBreaker, catalog: Catalog, clock: Clock
) -> None:
    fail(breaker, catalog, times=3)
    clock.now_s += LONGEST_PAUSE_S
    catalog.fault = CatalogTimeout("slow")
    with pytest.raises(CatalogTimeout):
        breaker.call(catalog, is_costly=True)
    catalog.fault = CatalogUnavailable("down")
    fail(breaker, catalog, times=1)

    calls = catalog.calls
    fail(breaker, catalog, times=1)
    assert catalog.calls == calls
