"""The micro-batcher: what waits when the model gets free goes through it in one forward pass.

    submit_image ──► images ─┐                   ┌─► future of each item
    submit_text  ──► texts  ─┴─► model threads ──┘

One pass runs at a time; where the encoder can run more, another begins beside it once a whole batch waits.
Lanes take turns, so that a stream of images does not starve texts. A batch that fails is tried
again item by item, and only the item at fault fails.
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

#: On a CPU a larger batch of images is no faster and keeps the texts waiting.
IMAGES_PER_CPU_BATCH = 8


@dataclass(frozen=True, slots=True)
class Encoded:
    """An embedding, shape (512,), and how long the forward pass took that it came from."""

    embedding: npt.NDArray[np.float32]
    batch_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    item: Any
    future: "Future[Encoded]"
    since: float


@dataclass(frozen=True, slots=True, eq=False)
class _Lane:
    """What one kind of item is encoded by, how many go together, and which wait."""

    encode: Callable[[Sequence[Any]], Embeddings]
    max_size: int
    waiting: deque[_Waiting] = field(default_factory=deque)


class Batcher:
    """Owns the model threads, as many as the encoder may be called by at a time. Any thread may submit."""

    def __init__(
        self, encoder: Encoder, *, max_size: int, max_wait_s: float = 0.0, queue_limit: int = 1024
    ) -> None:
        images_max = min(max_size, IMAGES_PER_CPU_BATCH) if encoder.device == "cpu" else max_size
        self._images = _Lane(lambda images: encoder.encode_images(np.stack(images)), images_max)
        self._texts = _Lane(encoder.encode_texts, max_size)
        #: The lane whose turn it is stands first.
        self._turns = deque((self._texts, self._images))
        self._max_wait_s = max_wait_s
        self._queue_limit = queue_limit
        self._changed = threading.Condition()
        self._closing = False
        #: When each pass that runs began, by its thread.
        self._running: dict[int, float] = {}
        self._threads = [
            threading.Thread(target=self._run, name=f"model-{n}", daemon=True)
            for n in range(encoder.passes_at_once)
        ]
        for thread in self._threads:
            thread.start()

    def submit_image(self, pixels: Pixels) -> "Future[Encoded]":
        """Enter an image of shape (size, size, 3).

        Raises:
            QueueFull: as many items wait as may, or the batcher is closing.
        """
        return self._submit(self._images, pixels)

    def submit_text(self, text: str) -> "Future[Encoded]":
        """Enter a text.

        Raises:
            QueueFull: as many items wait as may, or the batcher is closing.
        """
        return self._submit(self._texts, text)

    def running_s(self) -> float:
        """Return for how long the oldest present batch has been in the model, 0 when the model is free.

        A watchdog ends the process when this grows past what any batch takes: the thread hangs.
        """
        began = self._running.copy().values()
        return time.monotonic() - min(began) if began else 0.0

    def close(self, *, timeout_s: float = 30.0) -> bool:
        """Take nothing more, encode what waits, and return whether that ended in time.

        What still waits after the timeout is cancelled.
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
        """Wait for items and take a batch of the next lane in turn; None when closed and drained."""
        with self._changed:
            lane = None
            while lane is None or lane is not self._next_lane():
                # Again after a wait for company, in which another thread may have taken what there was.
                lane = self._next_lane()
                if lane is not None:
                    self._wait_for_company(lane)
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
        """Return the lane whose turn it is, None where it is not time for a pass."""
        waiting = [lane for lane in self._turns if lane.waiting]
        # Less than a whole batch is answered sooner by all of the model after the pass that runs than by a
        # part of it beside that. Whose turn it is does not depend on it: nobody waits for others to fill up.
        is_time = not self._running or any(len(lane.waiting) >= lane.max_size for lane in waiting)
        return waiting[0] if waiting and is_time else None

    def _wait_for_company(self, lane: _Lane) -> None:
        until = lane.waiting[0].since + self._max_wait_s
        while 0 < len(lane.waiting) < lane.max_size and not self._closing:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return
            self._changed.wait(left_s)


def _encode(lane: _Lane, batch: Sequence[_Waiting]) -> None:
    """Encode a batch and settle its futures."""
    start = time.perf_counter()
    try:
        embeddings = lane.encode([waiting.item for waiting in batch])
    except Exception as error:  # noqa: BLE001 - whatever a model raises belongs to the items' jobs
        if len(batch) == 1:
            batch[0].future.set_exception(error)
            return
        for waiting in batch:
            _encode(lane, [waiting])
        return
    batch_ms = (time.perf_counter() - start) * 1000
    for waiting, embedding in zip(batch, embeddings, strict=True):
        waiting.future.set_result(Encoded(embedding=embedding, batch_ms=batch_ms))
