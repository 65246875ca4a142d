"""Stages of a pipeline: work ahead of whoever takes the results, in order, and rejected rows passed on."""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

from catalog.ingest.rejection import Rejected

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    executor: Executor, work: Callable[[T], R | Rejected], items: Iterable[T | Rejected], *, ahead: int
) -> Generator[R | Rejected, None, None]:
    """Do the work on each item in the executor, up to so many ahead, and yield what comes of it in order."""
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
    """Gather items in lists of `size`, shorter where they hold many bytes; a rejected row goes on at once.

    Only an item that is too large by itself makes a list of more than `max_bytes`.
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
