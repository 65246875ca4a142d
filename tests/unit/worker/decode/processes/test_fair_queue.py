import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from tests.polling import eventually
from worker.decode.processes.fair_queue import FairQueue, TurnedAway

FOREVER_S = 30.0


class Queue:
    """A fair queue with waiting clients, and the order in which the clients are served."""

    def __init__(self) -> None:
        self.queue: FairQueue[str] = FairQueue()
        self.served: list[str] = []
        self._threads = ThreadPoolExecutor(16)
        self._lock = threading.Lock()

    def enter(self, client: str, *, cost: float = 1.0) -> "Future[None]":
        before = self.queue.waiting
        future = self._threads.submit(self._wait, client, cost)
        eventually(lambda: self.queue.waiting == before + 1 or future.done())
        return future

    def _wait(self, client: str, cost: float) -> None:
        item = self.queue.take(client, cost=cost, until=time.monotonic() + FOREVER_S)
        assert item is not None
        with self._lock:
            self.served.append(client)

    def serve(self, times: int) -> list[str]:
        """Offer the resource `times` times; return the clients that received it, in order."""
        before = len(self.served)
        for number in range(times):
            self.queue.give("item")
            eventually(lambda number=number: len(self.served) == before + number + 1)  # type: ignore[misc]
        return self.served[before:]


def test_clients_take_turns_regardless_of_their_number_of_files() -> None:
    queue = Queue()
    for client in ("flood", "flood", "flood", "flood", "other", "flood", "other"):
        queue.enter(client)

    assert queue.serve(7) == ["flood", "other", "flood", "other", "flood", "flood", "flood"]


def test_a_file_counts_in_proportion_to_its_cost() -> None:
    queue = Queue()
    for client, cost in (("costly", 3.0), ("costly", 3.0), *[("cheap", 1.0)] * 5):
        queue.enter(client, cost=cost)

    assert queue.serve(7) == ["costly", "cheap", "cheap", "cheap", "costly", "cheap", "cheap"]


def test_a_request_that_took_longer_than_expected_is_charged_what_it_took() -> None:
    queue = Queue()
    for client in ("costly", "costly", *["cheap"] * 4):
        queue.enter(client)

    assert queue.serve(1) == ["costly"]
    queue.queue.correct("costly", difference=2.0)

    assert queue.serve(5) == ["cheap", "cheap", "cheap", "costly", "cheap"]


def test_a_client_that_does_not_wait_is_charged_too() -> None:
    queue = Queue()
    for client in ("costly", "cheap", "cheap", "cheap"):
        queue.enter(client)
    queue.serve(1)
    queue.queue.correct("costly", difference=1.5)
    queue.enter("costly")

    assert queue.serve(4) == ["cheap", "cheap", "cheap", "costly"]


def test_turning_a_client_away_ends_its_waiting_and_no_other() -> None:
    queue = Queue()
    turned_away = [queue.enter("flood") for _ in range(3)]
    other = queue.enter("other")

    queue.queue.turn_away("flood")
    queue.queue.turn_away("unknown")

    assert [type(future.exception(FOREVER_S)) for future in turned_away] == [TurnedAway] * 3
    assert not other.done()
    assert queue.serve(1) == ["other"]


def test_a_new_client_is_next_but_has_no_accumulated_credit() -> None:
    queue = Queue()
    for _ in range(8):
        queue.enter("early")
    queue.serve(4)
    for _ in range(3):
        queue.enter("late")

    assert queue.serve(6) == ["late", "early", "late", "early", "late", "early"]


def test_an_idle_resource_is_taken_at_once_and_old_clients_are_forgotten() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.give("item")

    assert queue.take("client", cost=1.0, until=time.monotonic()) == "item"
    assert queue.idle == 0
    queue.give("item")
    for number in range(100):
        queue.give(str(queue.take(f"client {number}", cost=1.0, until=time.monotonic() + FOREVER_S)))
    assert len(queue._clients) <= 2


def test_a_timed_out_wait_takes_no_resource() -> None:
    queue: FairQueue[str] = FairQueue()

    assert queue.take("client", cost=1.0, until=time.monotonic() + 0.01) is None
    queue.give("item")
    assert queue.idle == 1
