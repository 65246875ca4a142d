"""The micro-batcher: items that arrive while the model is busy are encoded together in one forward pass.

    submit_image ──► images ─┐                   ┌─► future of each item
    submit_text  ──► texts  ─┴─► model threads ──┘

One forward pass runs at a time. If the encoder supports parallel passes, a second pass starts when a full
batch is waiting. Batches of images and of texts alternate, so that a stream of images does not starve texts.
If a batch fails, its items are encoded one by one, so that only the faulty item fails.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from common.errors import QueueFull
from worker.encoder.protocol import Embeddings, Encoder, Pixels

#: The maximum number of images in a batch on a CPU; a larger batch is not faster per image, and delays texts.
IMAGES_PER_CPU_BATCH = 8


@dataclass(frozen=True, slots=True)
class Encoded:
    """An embedding of shape (512,), and the duration of its forward pass in milliseconds."""

    embedding: npt.NDArray[np.float32]
    batch_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    item: Any
    future: "Future[Encoded]"
    since: float


@dataclass(frozen=True, slots=True, eq=False)
class _Lane:
    """A lane, either for texts or for images: its encode function, maximum batch size and waiting items."""

    encode: Callable[[Sequence[Any]], Embeddings]
    max_size: int
    waiting: deque[_Waiting] = field(default_factory=deque)


class Batcher:
    """Encodes items in batches, with as many threads as the encoder allows parallel passes; thread-safe."""

    def __init__(
        self, encoder: Encoder, *, max_size: int, max_wait_s: float = 0.0, queue_limit: int = 1024
    ) -> None:
        images_max = min(max_size, IMAGES_PER_CPU_BATCH) if encoder.device == "cpu" else max_size
        self._images = _Lane(lambda images: encoder.encode_images(np.stack(images)), images_max)
        self._texts = _Lane(encoder.encode_texts, max_size)
        #: The lanes of texts and of images; the next batch is taken from the first lane that has waiting
        #: items.
        self._turns = deque((self._texts, self._images))
        self._max_wait_s = max_wait_s
        self._queue_limit = queue_limit
        self._changed = threading.Condition()
        self._closing = False
        #: The start time of each running forward pass, by thread id.
        self._running: dict[int, float] = {}
        self._threads = [
            threading.Thread(target=self._run, name=f"model-{n}", daemon=True)
            for n in range(encoder.passes_at_once)
        ]
        for thread in self._threads:
            thread.start()

    def submit_image(self, pixels: Pixels) -> "Future[Encoded]":
        """Queue an image of shape (size, size, 3).

        Raises:
            QueueFull: too many items are waiting, or the batcher is closing.
        """
        return self._submit(self._images, pixels)

    def submit_text(self, text: str) -> "Future[Encoded]":
        """Queue a text.

        Raises:
            QueueFull: too many items are waiting, or the batcher is closing.
        """
        return self._submit(self._texts, text)

    def running_s(self) -> float:
        """Return the seconds that the oldest running batch has taken so far, or 0 if no batch runs.

        The watchdog uses this duration to detect a stalled model thread.
        """
        began = self._running.copy().values()
        return time.monotonic() - min(began) if began else 0.0

    def close(self, *, timeout_s: float = 30.0) -> bool:
        """Accept no more items, encode the waiting items, and return whether all were encoded in time.

        Items that are still waiting after the timeout are cancelled.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self._changed:
            for lane in self._turns:
                while lane.waiting:
                    lane.waiting.popleft().future.cancel()
        return not any(thread.is_alive() for thread in self._threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _submit(self, lane: _Lane, item: object) -> "Future[Encoded]":
        future: Future[Encoded] = Future()
        with self._changed:
            if self._closing:
                raise QueueFull("the worker is shutting down")
            if sum(len(each.waiting) for each in self._turns) >= self._queue_limit:
                raise QueueFull(f"{self._queue_limit} items already wait for the model")
            lane.waiting.append(_Waiting(item, future, time.monotonic()))
            if self._next_lane() is not None:
                self._changed.notify()
        return future

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            lane, batch = taken
            live = [waiting for waiting in batch if waiting.future.set_running_or_notify_cancel()]
            if live:
                _encode(lane, live)
            with self._changed:
                del self._running[threading.get_ident()]

    def _take(self) -> tuple[_Lane, list[_Waiting]] | None:
        """Wait for items and take a batch from the next lane; None if the batcher is closed and empty."""
        with self._changed:
            lane = None
            while lane is None or lane is not self._next_lane():
                # The lane is checked again, because another thread may take the items during the wait.
                lane = self._next_lane()
                if lane is not None:
                    self._wait_for_full_batch(lane)
                elif self._closing and not any(each.waiting for each in self._turns):
                    self._changed.notify_all()
                    return None
                else:
                    self._changed.wait()
            self._turns.remove(lane)
            self._turns.append(lane)
            self._running[threading.get_ident()] = time.monotonic()
            size = min(lane.max_size, len(lane.waiting))
            batch = [lane.waiting.popleft() for _ in range(size)]
            if self._next_lane() is not None:
                self._changed.notify()
            return lane, batch

    def _next_lane(self) -> _Lane | None:
        """Return the lane for the next forward pass, or None if no pass should start now."""
        waiting = [lane for lane in self._turns if lane.waiting]
        # A partial batch waits for the running pass to end and then uses all threads. Starting it at once, on
        # half of the threads, would be slower.
        can_start = not self._running or any(len(lane.waiting) >= lane.max_size for lane in waiting)
        return waiting[0] if waiting and can_start else None

    def _wait_for_full_batch(self, lane: _Lane) -> None:
        until = lane.waiting[0].since + self._max_wait_s
        while 0 < len(lane.waiting) < lane.max_size and not self._closing:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return
            self._changed.wait(left_s)


def _encode(lane: _Lane, batch: Sequence[_Waiting]) -> None:
    """Encode a batch, and set each item's future to its embedding or to its error."""
    start = time.perf_counter()
    try:
        embeddings = lane.encode([waiting.item for waiting in batch])
    except Exception as error:  # noqa: BLE001 - any error of the model is passed to the items' jobs
        if len(batch) == 1:
            batch[0].future.set_exception(error)
            return
        for waiting in batch:
            _encode(lane, [waiting])
        return
    batch_ms = (time.perf_counter() - start) * 1000
    for waiting, embedding in zip(batch, embeddings, strict=True):
        waiting.future.set_result(Encoded(embedding=embedding, batch_ms=batch_ms))
