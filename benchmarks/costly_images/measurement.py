"""Find each family's slowest file that the gateway accepts, and measure the CPU time of decoding it."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from api.http.request_bodies.image_header import check_image
from benchmarks.costly_images.family import Family
from common.errors import ImageError
from common.settings import load_settings
from worker.decode.processes import wire_format
from worker.decode.processes.process import DecoderLimits, DecoderProcess

#: The search stops when the ratio of the smallest refused to the largest accepted number is at most this
#: value.
STEP = 1.1
#: The time limit of the measuring decoder process, in seconds.
UNLIMITED_S = 60.0
MEASURED_TIMES = 2
_LIMITS = load_settings({})


@dataclass(frozen=True, slots=True)
class Found:
    """The file of a family that is slowest to decode among the files that the gateway accepts."""

    family: Family
    number: int
    size_bytes: int
    estimated_s: float
    measured_s: float
    #: The kind of the decoder's answer, such as `ok`.
    ended: str

    def as_document(self) -> dict[str, object]:
        return {
            "format": self.family.format,
            "family": self.family.name,
            "number": self.number,
            "bytes": self.size_bytes,
            "estimated_s": round(self.estimated_s, 2),
            "measured_s": round(self.measured_s, 2),
            "ended": self.ended,
        }

    def line(self) -> str:
        """Format the result as one line."""
        name = f"{self.family.format:<5} {self.family.name}"
        costs = f"estimated {self.estimated_s:.2f} s, measured {self.measured_s:.2f} s"
        return f"{name:<52} {self.number:>9}  {self.size_bytes / 1e6:6.2f} MB  {costs}  {self.ended}"


def accepted_cost_s(data: bytes, *, max_cost_s: float = _LIMITS.decode_cpu_s) -> float | None:
    """Return the estimated CPU seconds of decoding; None if the limits of the gateway refuse the file."""
    if len(data) > _LIMITS.max_image_bytes:
        return None
    try:
        return check_image(data, max_pixels=_LIMITS.max_image_pixels, max_cost_s=max_cost_s)
    except ImageError:
        return None


def most_accepted(accepts: Callable[[int], bool], *, beyond: int, step: float = STEP) -> int:
    """Return the largest accepted number, within a factor of `step`."""
    low, high = 1, beyond
    while high > max(low * step, low + 1):
        middle = max(math.isqrt(low * high), low + 1)
        low, high = (middle, high) if accepts(middle) else (low, middle)
    return low


def most_expensive(family: Family) -> Found:
    """Find the slowest accepted file of a family, and measure its decoding time."""
    made: dict[int, bytes] = {}

    def accepts(number: int) -> bool:
        made[number] = family.make(number)
        return accepted_cost_s(made[number]) is not None

    number = most_accepted(accepts, beyond=family.beyond)
    data = made.get(number) or family.make(number)
    measured = [spent_s(data) for _ in range(MEASURED_TIMES)]
    return Found(
        family=family,
        number=number,
        size_bytes=len(data),
        estimated_s=accepted_cost_s(data) or 0.0,
        measured_s=min(spent for spent, _ in measured),
        ended=measured[0][1],
    )


def spent_s(data: bytes) -> tuple[float, str]:
    """Decode a file in a new decoder process; return the CPU seconds of its threads, and its answer."""
    limits = DecoderLimits(size_px=224, max_pixels=_LIMITS.max_image_pixels, cpu_s=UNLIMITED_S)
    decoder = DecoderProcess(limits)
    try:
        before = _cpu_s(decoder.pid)
        reply = decoder.ask(
            wire_format.Request(wire_format.Wanted.PIXELS, data), deadline=time.monotonic() + UNLIMITED_S
        )
        ended = "ok" if reply.kind == wire_format.PIXELS else reply.body.decode().partition("\n")[0]
        return _cpu_s(decoder.pid) - before, ended
    except (EOFError, OSError) as error:
        return UNLIMITED_S, type(error).__name__
    finally:
        decoder.end()


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
