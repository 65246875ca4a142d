import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from worker.decode.turns import Turns

FOREVER_S = 30.0


def waiting(turns: Turns[str]) -> int:
    return sum(len(client.waiting) for client in turns._clients.values())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FOREVER_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.005)


class Queue:
    """Callers that wait one after another, and the order in which they are served."""

    def __init__(self) -> None:
        self.turns: Turns[str] = Turns()
        self.served: list[str] = []
        self._threads = ThreadPoolExecutor(16)
        self._lock = threading.Lock()

    def enter(self, client: str, *, cost: float = 1.0) -> "Future[None]":
        before = waiting(self.turns)
        future = self._threads.submit(self._wait, client, cost)
        wait_until(lambda: waiting(self.turns) == before + 1 or future.done())
        return future

    def _wait(self, client: str, cost: float) -> None:
        thing = self.turns.take(client, cost=cost, until=time.monotonic() + FOREVER_S)
        assert thing is not None
        with self._lock:
            self.served.append(client)

    def serve(self, times: int) -> list[str]:
        """Give one thing after another, and return who got them."""
        before = len(self.served)
        for number in range(times):
            self.turns.give("thing")
            wait_until(lambda number=number: len(self.served) == before + number + 1)  # type: ignore[misc]
        return self.served[before:]


def test_clients_take_turns_however_many_files_one_of_them_has() -> None:
    queue = Queue()
    for client in ("flood", "flood", "flood", "flood", "other", "flood", "other"):
        queue.enter(client)

    assert queue.serve(7) == ["flood", "other", "flood", "other", "flood", "flood", "flood"]


def test_a_costly_file_counts_for_as_many_cheap_ones() -> None:
    queue = Queue()
    for client, cost in (("costly", 3.0), ("costly", 3.0), *[("cheap", 1.0)] * 5):
        queue.enter(client, cost=cost)

    assert queue.serve(7) == ["costly", "cheap", "cheap", "cheap", "costly", "cheap", "cheap"]


def test_who_comes_anew_is_next_and_has_saved_nothing_up() -> None:
    queue = Queue()
    for _ in range(8):
        queue.enter("early")
    queue.serve(4)
    for _ in range(3):
        queue.enter("late")

    assert queue.serve(6) == ["late", "early", "late", "early", "late", "early"]


def test_a_thing_that_is_free_is_taken_at_once_and_its_taker_forgotten() -> None:
    turns: Turns[str] = Turns()
    turns.give("thing")

    assert turns.take("client", cost=1.0, until=time.monotonic()) == "thing"
    assert turns.idle == 0
    turns.give("thing")
    for number in range(100):
        turns.give(str(turns.take(f"client {number}", cost=1.0, until=time.monotonic() + FOREVER_S)))
    assert len(turns._clients) <= 2


def test_who_waits_in_vain_gets_nothing_and_keeps_nothing() -> None:
    turns: Turns[str] = Turns()

    assert turns.take("client", cost=1.0, until=time.monotonic() + 0.01) is None
    turns.give("thing")
    assert turns.idle == 1
