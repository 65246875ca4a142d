"""A few decoder processes apart from the model's: what kills one costs its own job and no other.

decode ──► its client's turn ──► a process ──► pixels ──► idle again
                                     │ died, or out of time
                                     └──► killed; the keeper thread starts another meanwhile

Files that take long have processes of their own, which give way to all others: a short file never waits
behind a long one.
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
from worker.decode.process import DecoderLimits, DecoderProcess
from worker.decode.turns import Turns

log = logging.getLogger(__name__)

_CLOSE_GRACE_S = 2.0
_RESTART_PAUSE_S = 1.0
#: Files that are estimated to take more CPU are long. A cover takes 0.01 s, a photograph of a phone 0.1.
LONG_S = 0.15
#: What a turn costs at least: a file of no estimate is not free.
_TURN_MIN_S = 0.001
#: With it a process gets a tenth of a core that others want, and all of one that nobody wants.
_LONG_NICENESS = 10


class _Lane:
    """The processes for short files, or for long ones."""

    def __init__(self, limits: DecoderLimits, *, processes: int) -> None:
        self.limits = limits
        self.processes = processes
        self.turns: Turns[DecoderProcess] = Turns()
        self.is_started = False


class DecoderPool:
    """Decodes in child processes, with limits on time and memory; any thread may call it."""

    def __init__(
        self,
        *,
        size_px: int,
        max_pixels: int = 50_000_000,
        cpu_s: float = MAX_COST_S,
        processes: int = 1,
        timeout_s: float = 10.0,
    ) -> None:
        """Start the processes for short files; those for long ones, half as many, with the first long file.

        `cpu_s` is how much CPU one file may take, `timeout_s` how long a short one may take by the clock.
        """
        self._limits = DecoderLimits(size_px=size_px, max_pixels=max_pixels, cpu_s=cpu_s)
        self._timeout_s = timeout_s
        self._short = _Lane(self._limits, processes=processes)
        self._long = _Lane(replace(self._limits, niceness=_LONG_NICENESS), processes=(processes + 1) // 2)
        #: Lanes that lack a process; None ends the keeper.
        self._wanted: queue.SimpleQueue[_Lane | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._alive: set[DecoderProcess] = set()
        self._closed = threading.Event()
        # A child dies when the *thread* that started it ends (PR_SET_PDEATHSIG), so one thread
        # that lives as long as the pool starts them all.
        self._keeper = threading.Thread(target=self._keep, name="decoder-keeper", daemon=True)
        self._keeper.start()
        self._start(self._short)

    @property
    def pids(self) -> list[int]:
        """Return the process ids of the decoders that are running."""
        with self._lock:
            return [process.pid for process in self._alive]

    @property
    def idle(self) -> int:
        """Return how many decoders have nothing to do."""
        return self._short.turns.idle + self._long.turns.idle

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

        The time-out covers the wait for a decoder too, which `wait_s` may bound further. Clients take turns,
        by what their files are estimated to cost.

        Raises:
            ImageError: the file is none that can be taken; which kind says why.
            ImageTooCostly: it took more CPU than a file may.
            DecoderDied: its decoder was killed or ran out of time.
            DecoderBusy: no decoder was free in time.
        """
        deadline = time.monotonic() + timeout_s
        lane = self._long if cost_s > LONG_S else self._short
        self._start(lane)
        until = deadline if wait_s is None else min(deadline, time.monotonic() + wait_s)
        process = self._acquire(lane, client, cost_s=cost_s, until=until)
        # A process that gives way may stand still while others want the CPU: it has until the deadline.
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
        lane.turns.give(process)
        if kind == wire.ERROR:
            raise wire.error_from(body)
        return np.frombuffer(body, dtype=np.uint8).reshape(self._limits.size_px, self._limits.size_px, 3)

    def close(self) -> None:
        """End every decoder; a decode in progress fails with `DecoderDied`."""
        self._closed.set()
        self._wanted.put(None)
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

    def _start(self, lane: _Lane) -> None:
        with self._lock:
            if lane.is_started:
                return
            lane.is_started = True
        for _ in range(lane.processes):
            self._wanted.put(lane)

    def _acquire(self, lane: _Lane, client: str, *, cost_s: float, until: float) -> DecoderProcess:
        while True:
            process = lane.turns.take(client, cost=max(cost_s, _TURN_MIN_S), until=until)
            if process is None:
                raise DecoderBusy("no image decoder became free in time")
            if not process.ended:
                return process
            self._discard(process, lane)  # killed while it had nothing to do: no job's fault

    def _discard(self, process: DecoderProcess, lane: _Lane) -> None:
        with self._lock:
            self._alive.discard(process)
        process.end()
        self._wanted.put(lane)

    def _keep(self) -> None:
        while (lane := self._wanted.get()) is not None and not self._closed.is_set():
            try:
                process = DecoderProcess(lane.limits)
            except (EOFError, OSError) as error:
                # out of memory or of processes, say: no image can be decoded until it passes
                log.exception("a decoder process cannot be started", extra={"error": str(error)})
                self._wanted.put(lane)
                self._closed.wait(_RESTART_PAUSE_S)
                continue
            with self._lock:
                self._alive.add(process)
            lane.turns.give(process)


def _fate(error: EOFError | OSError) -> str:
    return "ran out of time and was ended" if isinstance(error, TimeoutError) else "was killed"
