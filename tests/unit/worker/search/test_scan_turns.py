"""Few scans run at once, few searches wait for a scan, and the others are refused."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from common.errors import CatalogBusy
from worker.search.ranked_pages import ScanTurns

#: Longer than any step of a test takes.
LONG_S = 30.0


def test_at_most_two_scans_run_at_once() -> None:
    turns = ScanTurns(running=2, waiting=6)
    running: set[int] = set()
    most = []

    def scan(number: int) -> None:
        with turns.turn(wait_s=LONG_S):
            running.add(number)
            most.append(len(running))
            Event().wait(0.01)
            running.discard(number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(scan, range(8)))

    assert len(most) == 8
    assert max(most) <= 2


def test_a_scan_that_gets_no_turn_in_time_is_refused() -> None:
    turns = ScanTurns(running=1, waiting=1)
    with turns.turn(wait_s=0), pytest.raises(CatalogBusy), turns.turn(wait_s=0):
        pytest.fail("two scans ran at once")

    with turns.turn(wait_s=0):
        pass


def test_a_search_is_refused_while_too_many_searches_wait() -> None:
    turns = ScanTurns(running=1, waiting=1)
    started, released = Barrier(2), Event()

    def scan() -> None:
        with turns.turn(wait_s=LONG_S):
            started.wait(LONG_S)
            released.wait(LONG_S)

    def wait() -> None:
        with turns.turn(wait_s=LONG_S):
            pass

    with ThreadPoolExecutor(2) as threads:
        threads.submit(scan)
        started.wait(LONG_S)
        waiting = threads.submit(wait)
        # Either the waiting search or this one takes the last place; the other is refused.
        with pytest.raises(CatalogBusy), turns.turn(wait_s=0.5):
            pytest.fail("two scans ran at once")
        released.set()
        waiting.result(LONG_S)


def test_an_error_of_a_scan_ends_its_turn() -> None:
    turns = ScanTurns(running=1, waiting=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn(wait_s=0):
            1 / 0  # noqa: B018

    with turns.turn(wait_s=0):
        pass
