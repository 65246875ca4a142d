"""The stages of the ingest pipeline: ordered concurrent work, concurrent work per host, and batching.

Every stage yields rejected rows unchanged.
"""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

from catalog.ingest.rejection import Rejected

T = TypeVar("T")
R = TypeVar("R")

#: The maximum number of items that may wait because too many items of the same key are running.
WAITING_MAX = 2000


def open_threads(stack: ExitStack, count: int) -> ThreadPoolExecutor:
    """Return an executor that cancels pending work when the stack closes."""
    executor = ThreadPoolExecutor(count)
    stack.callback(executor.shutdown, cancel_futures=True)
    return executor


def in_order(
    executor: Executor, work: Callable[[T], R | Rejected], items: Iterable[T | Rejected], *, ahead: int
) -> Generator[R | Rejected, None, None]:
    """Run `work` on up to `ahead` items before results are consumed; yield results in the order of items."""
    waiting: deque[Future[R | Rejected] | Rejected] = deque()
    for item in items:
        waiting.append(item if isinstance(item, Rejected) else executor.submit(work, item))
        if len(waiting) > ahead:
            yield _result(waiting.popleft())
    while waiting:
        yield _result(waiting.popleft())


def _result(entry: Future[R | Rejected] | Rejected) -> R | Rejected:
    return entry if isinstance(entry, Rejected) else entry.result()


def batches(
    items: Iterable[T | Rejected],
    size: int,
    *,
    max_bytes: float = math.inf,
    bytes_of: Callable[[T], int] = lambda _: 0,
) -> Iterator[list[T] | Rejected]:
    """Yield lists of at most `size` items and `max_bytes` bytes; yield rejected rows immediately.

    An item larger than `max_bytes` is yielded in a list of its own.
    """
    batch: list[T] = []
    held_bytes = 0
    for item in items:
        if isinstance(item, Rejected):
            yield item
            continue
        if batch and held_bytes + bytes_of(item) > max_bytes:
            yield batch
            batch, held_bytes = [], 0
        batch.append(item)
        held_bytes += bytes_of(item)
        if len(batch) == size:
            yield batch
            batch, held_bytes = [], 0
    if batch:
        yield batch


def as_completed_per_key(
    executor: Executor,
    work: Callable[[T], R],
    items: Iterable[T | Rejected],
    *,
    key_of: Callable[[T], str],
    per_key: int,
    ahead: int,
) -> Generator[R | Rejected, None, None]:
    """Run `work` on each item in the executor, and yield the results in the order of completion.

    A key is, for instance, a host; a slow host then does not delay other hosts. At most `per_key` items of
    one key run at the same time. At most `ahead` items are running, or are finished and not yet yielded.
    Close the generator before the executor.
    """
    queues = _Queues(executor, work, key_of, per_key, ahead)
    try:
        for item in items:
            if isinstance(item, Rejected):
                yield item
                continue
            queues.put(item)
            while queues.is_full() or queues.has_done():
                yield queues.take()
        while queues.unfinished:
            yield queues.take()
    finally:
        queues.stop()


@dataclass(slots=True)
class _Queue(Generic[T]):
    waiting: deque[T] = field(default_factory=deque)
    active: int = 0


class _Queues(Generic[T, R]):
    """A queue of items for each key, and a queue of results; only one thread may call `put` and `take`."""

    def __init__(
        self,
        executor: Executor,
        work: Callable[[T], R],
        key_of: Callable[[T], str],
        per_key: int,
        ahead: int,
    ) -> None:
        self._executor = executor
        self._work = work
        self._key_of = key_of
        self._per_key = per_key
        self._ahead = ahead
        #: The number of items whose results were not taken yet.
        self.unfinished = 0
        self._lock = threading.Lock()
        self._stopped = False
        self._queues: dict[str, _Queue[T]] = defaultdict(_Queue)
        #: Queues whose next item may start now, in the order in which they are served.
        self._ready: deque[_Queue[T]] = deque()
        self._begun = 0
        self._done: SimpleQueue[Future[R]] = SimpleQueue()

    def put(self, item: T) -> None:
        self.unfinished += 1
        with self._lock:
            queue = self._queues[self._key_of(item)]
            queue.waiting.append(item)
            if len(queue.waiting) == 1 and queue.active < self._per_key:
                self._ready.append(queue)
        self._begin()

    def is_full(self) -> bool:
        """Return whether no further item may be put now."""
        with self._lock:
            return self._begun >= self._ahead or self.unfinished - self._begun >= WAITING_MAX

    def has_done(self) -> bool:
        return not self._done.empty()

    def take(self) -> R:
        """Wait for the next result and return it."""
        done = self._done.get()
        self.unfinished -= 1
        with self._lock:
            self._begun -= 1
        self._begin()
        return done.result()

    def stop(self) -> None:
        """Let no further item start."""
        with self._lock:
            self._stopped = True

    def _begin(self) -> None:
        """Start every item that may start now; called after each `put`, `take` and finished item."""
        while (begun := self._next()) is not None:
            queue, future = begun
            # The callback is added without holding the lock, because a finished future calls the callback
            # immediately, and the callback takes the lock.
            future.add_done_callback(partial(self._end, queue))

    def _next(self) -> tuple[_Queue[T], Future[R]] | None:
        with self._lock:
            if not self._ready or self._begun >= self._ahead or self._stopped:
                return None
            queue = self._ready.popleft()
            item = queue.waiting.popleft()
            queue.active += 1
            self._begun += 1
            if queue.waiting and queue.active < self._per_key:
                self._ready.append(queue)
            return queue, self._executor.submit(self._work, item)

    def _end(self, queue: _Queue[T], done: Future[R]) -> None:
        with self._lock:
            if queue.waiting and queue.active == self._per_key:
                self._ready.append(queue)
            queue.active -= 1
        self._begin()
        self._done.put(done)
