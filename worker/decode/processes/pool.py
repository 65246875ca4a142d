"""The pool of decoder processes: if an image kills its decoder, other jobs are not affected.

decode ──► wait in the fair queue ──► a process ──► pixels or thumbnails ──► idle again
                                         │ died or timed out
                                         └──► killed; the starter thread starts another one

If a decoder crashes, the file is decoded once more, because an earlier file may have damaged the memory of
the decoder. A file that crashes two decoders counts as undecodable.

Slow files are decoded in separate processes with lower priority, so that fast files never wait for slow
files. The fair queue adds up the CPU time of each client's files. If a file takes longer than estimated, the
estimates of the client's files are increased by that excess for a minute, and the client's requests that wait
for a decoder fail with `DecoderBusy`.
"""

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from common.errors import DecoderBusy, DecoderDied, ImageError, ImageTooCostly, UndecodableImage
from common.images.cost.estimate import MAX_COST_S
from common.prints import Print
from worker.decode.processes import wire_format
from worker.decode.processes.fair_queue import FairQueue, TurnedAway
from worker.decode.processes.overruns import Overruns
from worker.decode.processes.process import DecoderLimits, DecoderProcess
from worker.decode.processes.wire_format import DecodedCover, Wanted

log = logging.getLogger(__name__)

_CLOSE_GRACE_S = 2.0
_RESTART_PAUSE_S = 1.0
#: A file whose estimated CPU time in seconds is above this value is decoded in the processes for long files.
#: A cover takes 0.01 s of CPU time, a phone's photograph 0.1 s.
LONG_S = 0.15
#: The minimum cost in seconds of a file in the fair queue, also used for a file without an estimate.
_COST_MIN_S = 0.001
#: If a file exceeds its estimate by at least this number of seconds, the client's waiting requests fail with
#: `DecoderBusy`.
_TURNED_AWAY_S = 0.05
#: The nice value of the decoders for long files; with this value they get a tenth of a busy core, and all of
#: an idle core.
_LONG_NICENESS = 10
#: The signals that end a process because of a fault in its own code. A process with too little memory, or one
#: that an operator ends, gets SIGKILL instead.
_CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP}
)
#: The CPU time in seconds for starting a decoder, which a client is charged for each crash.
_START_S = 0.2


class _DecoderCrashed(DecoderDied):
    """A codec crashed while it decoded the file."""


class _Lane:
    """A group of decoder processes, either for short files or for long files."""

    def __init__(self, limits: DecoderLimits, *, processes: int) -> None:
        self.limits = limits
        self.processes = processes
        self.idle_processes: FairQueue[DecoderProcess] = FairQueue()
        self.is_started = False


class DecoderPool:
    """Decodes files in child processes whose time and memory are limited; thread-safe."""

    def __init__(
        self,
        *,
        size_px: int,
        max_pixels: int = 50_000_000,
        cpu_s: float = MAX_COST_S,
        processes: int = 1,
        timeout_s: float = 10.0,
        report_overrun: Callable[[str, float], None] | None = None,
        makes_prints: bool = False,
    ) -> None:
        """Start the decoders for short files; decoders for long files, half as many, start on first use.

        `cpu_s` limits the CPU time of one file, `timeout_s` the elapsed time of a short file. If a file takes
        longer than estimated, `report_overrun` is called with the client and the excess in seconds. Prints
        can be made only if `makes_prints` is true; the decoders then need more memory.
        """
        self._limits = DecoderLimits(
            size_px=size_px, max_pixels=max_pixels, cpu_s=cpu_s, makes_prints=makes_prints
        )
        self._timeout_s = timeout_s
        self._report_overrun = report_overrun
        self._overruns = Overruns()
        self._short = _Lane(self._limits, processes=processes)
        self._long = _Lane(replace(self._limits, niceness=_LONG_NICENESS), processes=(processes + 1) // 2)
        #: The lane of each process that has to be started; None ends the starter thread.
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

    @property
    def waiting(self) -> int:
        """Return the number of callers that wait for a decoder."""
        return self._short.idle_processes.waiting + self._long.idle_processes.waiting

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

        `timeout_s` includes the wait for a decoder, which `wait_s` can limit further. Decoders are shared
        fairly among clients by CPU time; `cost_s` is the estimated CPU time of this file.

        Raises:
            ImageError: the file cannot be decoded; the subclass gives the reason.
            ImageTooCostly: decoding took more CPU time than allowed.
            UndecodableImage: the file is broken, or crashed two decoders.
            DecoderDied: the decoder was killed or timed out.
            DecoderBusy: no decoder became free in time, or another file of the same client exceeded its
                estimate.
        """
        request = wire_format.Request(Wanted.PIXELS, data)
        body = self._reply_body(request, timeout_s=timeout_s, wait_s=wait_s, client=client, cost_s=cost_s)
        return self._pixels(body)

    def decode_cover(
        self, data: bytes, *, timeout_s: float, wants_thumbnails: bool = False, wants_print: bool = False
    ) -> DecodedCover:
        """Return the pixels of `decode`, and the cover's thumbnails and print if they are wanted.

        There are no thumbnails or no print if they need more memory than a decoder has. `timeout_s` and the
        raised errors are the same as for `decode`.
        """
        wanted = Wanted.PIXELS
        wanted |= Wanted.THUMBNAILS if wants_thumbnails else Wanted(0)
        wanted |= Wanted.PRINT if wants_print else Wanted(0)
        body = self._reply_body(wire_format.Request(wanted, data), timeout_s=timeout_s)
        pixels = self._pixels(body)
        made = wire_format.unpack_files(wanted, memoryview(body)[pixels.nbytes :])
        return DecodedCover(pixels, made)

    def decode_thumbnails(self, data: bytes, *, timeout_s: float) -> tuple[bytes, ...]:
        """Return a cover's thumbnails as WebP files, the smallest first.

        `timeout_s` and the raised errors are the same as for `decode`.
        """
        request = wire_format.Request(Wanted.THUMBNAILS, data)
        body = self._reply_body(request, timeout_s=timeout_s)
        return wire_format.unpack_files(request.wanted, body).thumbnails

    def decode_print(self, data: bytes, *, timeout_s: float) -> Print:
        """Return a cover's print.

        `timeout_s` and the raised errors are the same as for `decode`.
        """
        request = wire_format.Request(Wanted.PRINT, data)
        made = wire_format.unpack_files(request.wanted, self._reply_body(request, timeout_s=timeout_s))
        if made.cover_print is None:
            raise UndecodableImage("a decoder made no print of the image")
        return made.cover_print

    def _pixels(self, body: bytes | bytearray) -> npt.NDArray[np.uint8]:
        side = self._limits.size_px
        return np.frombuffer(body, dtype=np.uint8, count=3 * side * side).reshape(side, side, 3)

    def _reply_body(
        self,
        request: wire_format.Request,
        *,
        timeout_s: float,
        wait_s: float | None = None,
        client: str = "",
        cost_s: float = 0.0,
    ) -> bytes | bytearray:
        deadline = time.monotonic() + timeout_s
        attempt = partial(
            self._attempt, request, deadline=deadline, wait_s=wait_s, client=client, cost_s=cost_s
        )
        try:
            return attempt()
        except _DecoderCrashed as error:
            log.warning("a decoder crashed; the file is decoded again", extra={"error": error.detail})
        try:
            return attempt()
        except _DecoderCrashed as error:
            if client and cost_s:
                self._slow_down(client, excess_s=2 * _START_S - cost_s)
            raise UndecodableImage(
                "the image is broken in a way that makes its decoder crash; save it as a plain JPEG or PNG"
            ) from error

    def _attempt(
        self,
        request: wire_format.Request,
        *,
        deadline: float,
        wait_s: float | None,
        client: str,
        cost_s: float,
    ) -> bytes | bytearray:
        expected_s = max(cost_s + self._overruns.excess_s(client), _COST_MIN_S)
        lane = self._long if expected_s > LONG_S else self._short
        self._start(lane)
        until = deadline if wait_s is None else min(deadline, time.monotonic() + wait_s)
        process = self._acquire(lane, client, cost_s=expected_s, until=until)
        # A process with lower priority may have to wait for the CPU, so its elapsed time is limited only by
        # the deadline.
        ends = deadline if lane is self._long else min(deadline, time.monotonic() + self._timeout_s)
        reply, cpu_s = self._ask(process, lane, request, deadline=ends)
        lane.idle_processes.correct(client, difference=cpu_s - expected_s)
        if not isinstance(reply, ImageError):
            lane.idle_processes.give(process)
        # A first crash may be the fault of another client's file.
        if client and cost_s and not isinstance(reply, _DecoderCrashed):
            self._slow_down(client, excess_s=cpu_s - cost_s)
        if isinstance(reply, ImageError):
            raise reply
        if reply.kind == wire_format.ERROR:
            raise wire_format.error_from(reply.body)
        return reply.body

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

    def _ask(
        self, process: DecoderProcess, lane: _Lane, request: wire_format.Request, *, deadline: float
    ) -> tuple[wire_format.Reply | ImageError, float]:
        """Return a decoder's reply, or the error of a file that ended the decoder, and the CPU time."""
        try:
            reply = process.ask(request, deadline=deadline)
        except (EOFError, OSError) as error:
            ended_by = None if isinstance(error, TimeoutError) else process.end_signal()
            self._discard(process, lane)
            if ended_by == signal.SIGPROF:
                return self._too_costly(), self._limits.cpu_s
            if ended_by in _CRASHES:
                return _DecoderCrashed(f"the image's decoder crashed (signal {ended_by})"), _START_S
            raise DecoderDied(f"the image's decoder {_fate(error)}") from error
        return reply, reply.cpu_s

    def _too_costly(self) -> ImageTooCostly:
        return ImageTooCostly(
            f"decoding the image took more than {self._limits.cpu_s:g} s of CPU: "
            "send it with fewer pixels, or as a plain JPEG"
        )

    def _slow_down(self, client: str, *, excess_s: float) -> None:
        """Increase the expected cost of a client's files after one file took longer than estimated."""
        if not self._overruns.add(client, excess_s):
            return
        if self._report_overrun is not None:
            self._report_overrun(client, excess_s)
        if excess_s >= _TURNED_AWAY_S:
            for lane in (self._short, self._long):
                lane.idle_processes.turn_away(client)

    def _acquire(self, lane: _Lane, client: str, *, cost_s: float, until: float) -> DecoderProcess:
        while True:
            try:
                process = lane.idle_processes.take(client, cost=cost_s, until=until)
            except TurnedAway as error:
                raise DecoderBusy(
                    "an image of the same client took longer to decode than estimated"
                ) from error
            if process is None:
                raise DecoderBusy("no image decoder became free in time")
            if not process.ended:
                return process
            self._discard(process, lane)  # the process ended while idle, so no job is affected

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
                # The machine may have run out of memory or process ids, so the start is repeated after a
                # pause.
                log.exception("a decoder process cannot be started", extra={"error": str(error)})
                self._wanted.put(lane)
                self._closed.wait(_RESTART_PAUSE_S)
                continue
            with self._lock:
                self._alive.add(process)
            lane.idle_processes.give(process)


def _fate(error: EOFError | OSError) -> str:
    return "ran out of time and was ended" if isinstance(error, TimeoutError) else "was killed"
