"""Measure two sides alternately (A B A B …), so that other load on the machine affects both equally.

A short pause precedes each measurement, because threads of OpenMP and OpenBLAS keep the cores busy for about
20 ms after their last computation.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds to pause until the threads of every library are idle.
QUIET_S = 0.1


@dataclass(frozen=True, slots=True)
class Comparison:
    """The measurements of each side, one for each round."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ours_median(self) -> float:
        return statistics.median(self.ours)

    @property
    def theirs_median(self) -> float:
        return statistics.median(self.theirs)

    @property
    def theirs_over_ours(self) -> float:
        """The median, over all rounds, of the measurement of `theirs` divided by that of `ours`."""
        return statistics.median(b / a for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def ours_over_theirs(self) -> float:
        """The median, over all rounds, of the measurement of `ours` divided by that of `theirs`."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))


def interleaved(
    ours: Callable[[], float], theirs: Callable[[], float], *, rounds: int, warm_up: bool = True
) -> Comparison:
    """Measure `ours` and `theirs` alternately, once in each round."""
    if warm_up:
        ours(), theirs()
    taken = [(in_quiet(ours), in_quiet(theirs)) for _ in range(rounds)]
    return Comparison(*zip(*taken, strict=True))


def in_quiet(measure: Callable[[], float]) -> float:
    """Measure after a pause in which threads of earlier computations go idle."""
    time.sleep(QUIET_S)
    return measure()


def times(
    ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int, repeat: int = 1
) -> Comparison:
    """Time `ours` and `theirs` alternately, in milliseconds per call, after a warm-up call of each."""
    return interleaved(
        lambda: _time_ms(ours, repeat), lambda: _time_ms(theirs, repeat), rounds=rounds, warm_up=True
    )


def _time_ms(call: Callable[[], object], repeat: int) -> float:
    began = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - began) * 1000 / repeat
