"""The pool of decoder processes: an image that kills its decoder affects no other job.

decode ──► wait in the fair queue ──► a process ──► pixels ──► idle again
                                         │ died or timed out
                                         └──► killed; the starter thread starts another one

Files that take long are decoded in separate processes of lower priority, so that a short file never waits for
a long one.
"""

import logging
import queue
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from common.errors import DecoderBusy, DecoderDied, ImageTooCostly
from common.images.cost.estimate import MAX_COST_S
from worker.decode import wire
from worker.decode.fair_queue import FairQueue
from worker.decode.process import DecoderLimits, DecoderProcess

log = logging.getLogger(__name__)

_CLOSE_GRACE_S = 2.0
_RESTART_PAUSE_S = 1.0
#: A file is long if its estimated CPU time is more than this. A cover takes 0.01 s, a phone's photograph 0.1
#: s.
LONG_S = 0.15
#: Minimum cost in the fair queue, for files without an estimate.
_COST_MIN_S = 0.001
#: With this niceness a process gets a tenth of a busy core, and all of an idle one.
_LONG_NICENESS = 10


class _Lane:
    """The processes for short files or those for long files."""

    def __init__(self, limits: DecoderLimits, *, processes: int) -> None:
        self.limits = limits
        self.processes = processes
        self.idle_processes: FairQueue[DecoderProcess] = FairQueue()
        self.is_started = False


class DecoderPool:
    """Decodes in child processes with limits on time and memory; thread-safe."""

    def __init__(
        self,
        *,
        size_px: int,
        max_pixels: int = 50_000_000,
        cpu_s: float = MAX_COST_S,
        processes: int = 1,
        timeout_s: float = 10.0,
    ) -> None:
        """Start the processes for short files; those for long files, half as many, start with the first one.

        `cpu_s` limits the CPU time of one file, `timeout_s` the elapsed time of a short file.
        """
        self._limits = DecoderLimits(size_px=size_px, max_pixels=max_pixels, cpu_s=cpu_s)
        self._timeout_s = timeout_s
        self._short = _Lane(self._limits, processes=processes)
        self._long = _Lane(replace(self._limits, niceness=_LONG_NICENESS), processes=(processes + 1) // 2)
        #: Lanes that need another process; None ends the starter thread.
        self._wanted: queue.SimpleQueue[_Lane | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._alive: set[DecoderProcess] = set()
        self._closed = threading.Event()
        # A child is killed when the *thread* that started it ends (PR_SET_PDEATHSIG), so all children are
        # started by one thread that runs until the pool is closed.
        self._starter = threading.Thread(target=self._start_processes, name="decoder-starter", daemon=True)
        self._starter.start()
        self._start(self._short)

    @property
    def pids(self) -> list[int]:
        """Return the process ids of the running decoders."""
        with self._lock:
            return [process.pid for process in self._alive]

    @property
    def idle(self) -> int:
        """Return the number of idle decoders."""
        return self._short.idle_processes.idle + self._long.idle_processes.idle

    def decode(
        self,
        data: bytes,
        *,
        timeout_s: float,
        wait_s: float | None = None,
        client: str = "",
        cost_s: float = 0.0,
    ) -> npt.NDArray[np.uint8]:
        """Return RGB pixels of shape (size_px, size_px, 3).

        `timeout_s` includes the wait for a decoder, which `wait_s` may limit further. Decoders are shared
        fairly among clients by the estimated cost of their files.

        Raises:
            ImageError: the file cannot be decoded; the subclass says why.
            ImageTooCostly: decoding took more CPU time than allowed.
            DecoderDied: the decoder was killed or timed out.
            DecoderBusy: no decoder was free in time.
        """
        deadline = time.monotonic() + timeout_s
        lane = self._long if cost_s > LONG_S else self._short
        self._start(lane)
        until = deadline if wait_s is None else min(deadline, time.monotonic() + wait_s)
        process = self._acquire(lane, client, cost_s=cost_s, until=until)
        # A process of lower priority may not get the CPU for some time, so it has until the deadline.
        ends = deadline if lane is self._long else min(deadline, time.monotonic() + self._timeout_s)
        try:
            kind, body = process.ask(data, deadline=ends)
        except (EOFError, OSError) as error:
            is_costly = not isinstance(error, TimeoutError) and process.ran_out_of_cpu()
            self._discard(process, lane)
            if is_costly:
                raise ImageTooCostly(
                    f"decoding the image took more than {self._limits.cpu_s:g} s of CPU: "
                    "send it with fewer pixels, or as a plain JPEG"
                ) from error
            raise DecoderDied(f"the image's decoder {_fate(error)}") from error
        lane.idle_processes.give(process)
        if kind == wire.ERROR:
            raise wire.error_from(body)
        return np.frombuffer(body, dtype=np.uint8).reshape(self._limits.size_px, self._limits.size_px, 3)

    def close(self) -> None:
        """End every decoder; a decode in progress fails with `DecoderDied`."""
        self._closed.set()
        self._wanted.put(None)
        self._starter.join()
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

    def _start(self, lane: _Lane) -> None:
        with self._lock:
            if lane.is_started:
                return
            lane.is_started = True
        for _ in range(lane.processes):
            self._wanted.put(lane)

    def _acquire(self, lane: _Lane, client: str, *, cost_s: float, until: float) -> DecoderProcess:
        while True:
            process = lane.idle_processes.take(client, cost=max(cost_s, _COST_MIN_S), until=until)
            if process is None:
                raise DecoderBusy("no image decoder became free in time")
            if not process.ended:
                return process
            self._discard(process, lane)  # it ended while idle, so no job is affected

    def _discard(self, process: DecoderProcess, lane: _Lane) -> None:
        with self._lock:
            self._alive.discard(process)
        process.end()
        self._wanted.put(lane)

    def _start_processes(self) -> None:
        while (lane := self._wanted.get()) is not None and not self._closed.is_set():
            try:
                process = DecoderProcess(lane.limits)
            except (EOFError, OSError) as error:
                # For example because the machine is out of memory or processes; try again after a pause.
                log.exception("a decoder process cannot be started", extra={"error": str(error)})
                self._wanted.put(lane)
                self._closed.wait(_RESTART_PAUSE_S)
                continue
            with self._lock:
                self._alive.add(process)
            lane.idle_processes.give(process)


def _fate(error: EOFError | OSError) -> str:
    return "ran out of time and was ended" if isinstance(error, TimeoutError) else "was killed"
