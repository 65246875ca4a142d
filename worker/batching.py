"""The micro-batcher: what waits when the model gets free goes through it in one forward pass.

    submit("image", …) ──► lane ─┐                      ┌─► future of each item
    submit("text", …)  ──► lane ─┴─► one model thread ──┘

Lanes take turns, so that a stream of images does not starve texts. A batch that fails is tried
again item by item, and only the item at fault fails.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from common.errors import QueueFull

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lane(Generic[Item, Result]):
    """What encodes one kind of item, a result for each, and how many go together at most."""

    encode: Callable[[Sequence[Item]], Sequence[Result]]
    max_size: int


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Result]):
    item: Any
    since: float
    future: "Future[Result]" = field(default_factory=Future)


class Batcher(Generic[Result]):
    """Owns the model thread. Any thread may submit; the lanes' encoders are only ever called by one."""

    def __init__(
        self, lanes: Mapping[str, Lane[Any, Result]], *, max_wait_s: float = 0.0, queue_limit: int = 1024
    ) -> None:
        self._lanes = dict(lanes)
        self._waiting: dict[str, deque[_Waiting[Result]]] = {name: deque() for name in lanes}
        #: The lane whose turn it is stands first.
        self._turns = deque(lanes)
        self._max_wait_s = max_wait_s
        self._queue_limit = queue_limit
        self._changed = threading.Condition()
        self._closing = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, lane: str, item: object) -> "Future[Result]":
        """Enter an item into a lane; a future cancelled before its batch starts costs nothing.

        Raises:
            QueueFull: as many items wait as may, or the batcher is closing.
        """
        entry: _Waiting[Result] = _Waiting(item, time.monotonic())
        with self._changed:
            if self._closing:
                raise QueueFull("the worker is shutting down")
            if sum(map(len, self._waiting.values())) >= self._queue_limit:
                raise QueueFull(f"{self._queue_limit} items already wait for the model")
            self._waiting[lane].append(entry)
            self._changed.notify()
        return entry.future

    @property
    def running_s(self) -> float:
        """Return for how long the present batch has been in the model, 0 when the model is free.

        A watchdog ends the process when this grows past what any batch takes: the thread hangs.
        """
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def close(self, *, timeout_s: float) -> bool:
        """Take nothing more, encode what waits, and return whether that ended in time.

        What still waits after the timeout is cancelled.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        with self._changed:
            for waiting in self._waiting.values():
                while waiting:
                    waiting.popleft().future.cancel()
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            lane, batch = taken
            live = [entry for entry in batch if entry.future.set_running_or_notify_cancel()]
            if live:
                self._busy_since = time.monotonic()
                _encode(lane, live)
                self._busy_since = None

    def _take(self) -> tuple[Lane[Any, Result], list[_Waiting[Result]]] | None:
        """Wait for items and take a batch of the next lane in turn; None when closed and drained."""
        with self._changed:
            while (name := next((name for name in self._turns if self._waiting[name]), None)) is None:
                if self._closing:
                    return None
                self._changed.wait()
            self._wait_for_company(name)
            self._turns.remove(name)
            self._turns.append(name)
            lane, waiting = self._lanes[name], self._waiting[name]
            return lane, [waiting.popleft() for _ in range(min(lane.max_size, len(waiting)))]

    def _wait_for_company(self, name: str) -> None:
        waiting, size = self._waiting[name], self._lanes[name].max_size
        until = waiting[0].since + self._max_wait_s
        while len(waiting) < size and not self._closing:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return
            self._changed.wait(left_s)


def _encode(lane: Lane[Any, Result], batch: Sequence[_Waiting[Result]]) -> None:
    """Encode a batch and settle its futures."""
    try:
        results = lane.encode([entry.item for entry in batch])
    except Exception as error:  # noqa: BLE001 - whatever a model raises belongs to the items' jobs
        if len(batch) == 1:
            batch[0].future.set_exception(error)
            return
        for entry in batch:
            _encode(lane, [entry])
        return
    for entry, result in zip(batch, results, strict=True):
        entry.future.set_result(result)
