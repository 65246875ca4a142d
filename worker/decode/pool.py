"""A few decoder processes apart from the model's: what kills one costs its own job and no other.

decode ──► an idle process ──► pixels ──► idle again
                │ died, or out of time
                └──► killed; the keeper thread starts another meanwhile
"""

import logging
import queue
import threading
import time
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from common.errors import DecoderBusy, DecoderDied
from worker.decode import wire
from worker.decode.process import DecoderLimits, DecoderProcess

log = logging.getLogger(__name__)

_CLOSE_GRACE_S = 2.0
_RESTART_PAUSE_S = 1.0


class DecoderPool:
    """Decodes in child processes, with limits on time and memory; any thread may call it."""

    def __init__(
        self, *, size_px: int, max_pixels: int = 50_000_000, processes: int = 1, timeout_s: float = 10.0
    ) -> None:
        self._limits = DecoderLimits(size_px=size_px, max_pixels=max_pixels)
        self._timeout_s = timeout_s
        self._idle: queue.SimpleQueue[DecoderProcess] = queue.SimpleQueue()
        self._wanted = threading.Semaphore(processes)
        self._lock = threading.Lock()
        self._alive: set[DecoderProcess] = set()
        self._closed = threading.Event()
        # A child dies when the *thread* that started it ends (PR_SET_PDEATHSIG), so one thread
        # that lives as long as the pool starts them all.
        self._keeper = threading.Thread(target=self._keep, name="decoder-keeper", daemon=True)
        self._keeper.start()

    @property
    def pids(self) -> list[int]:
        """Return the process ids of the decoders that are running."""
        with self._lock:
            return [process.pid for process in self._alive]

    @property
    def idle(self) -> int:
        """Return how many decoders have nothing to do."""
        return self._idle.qsize()

    def decode(self, data: bytes, *, timeout_s: float) -> npt.NDArray[np.uint8]:
        """Return RGB pixels of shape (size_px, size_px, 3).

        The caller's time covers waiting for a decoder too; the pool's own limit, decoding alone.

        Raises:
            ImageError: the file is none that can be taken; which kind says why.
            DecoderDied: its decoder was killed or ran out of time.
            DecoderBusy: all decoders were busy for the whole time.
        """
        deadline = time.monotonic() + timeout_s
        process = self._acquire(deadline)
        try:
            kind, body = process.ask(data, deadline=min(deadline, time.monotonic() + self._timeout_s))
        except (EOFError, OSError) as error:
            self._discard(process)
            raise DecoderDied(f"the image's decoder {_fate(error)}") from error
        self._idle.put(process)
        if kind == wire.ERROR:
            raise wire.error_from(body)
        return np.frombuffer(body, dtype=np.uint8).reshape(self._limits.size_px, self._limits.size_px, 3)

    def close(self) -> None:
        """End every decoder; a decode in progress fails with `DecoderDied`."""
        self._closed.set()
        self._wanted.release()  # wakes the keeper
        self._keeper.join()
        with self._lock:
            remaining, self._alive = self._alive, set()
        for process in remaining:
            process.end(grace_s=_CLOSE_GRACE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _acquire(self, deadline: float) -> DecoderProcess:
        while True:
            try:
                process = self._idle.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise DecoderBusy("no image decoder became free in time") from None
            if not process.ended:
                return process
            self._discard(process)  # killed while it had nothing to do: no job's fault

    def _discard(self, process: DecoderProcess) -> None:
        with self._lock:
            self._alive.discard(process)
        process.end()
        self._wanted.release()

    def _keep(self) -> None:
        while self._wanted.acquire() and not self._closed.is_set():
            try:
                process = DecoderProcess(self._limits)
            except (EOFError, OSError) as error:
                # out of memory or of processes, say: no image can be decoded until it passes
                log.exception("a decoder process cannot be started", extra={"error": str(error)})
                self._wanted.release()
                self._closed.wait(_RESTART_PAUSE_S)
                continue
            with self._lock:
                self._alive.add(process)
            self._idle.put(process)


def _fate(error: EOFError | OSError) -> str:
    return "ran out of time and was ended" if isinstance(error, TimeoutError) else "was killed"
