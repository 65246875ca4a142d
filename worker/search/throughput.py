"""Measures how many runs per second this worker has ended in the last minute; the worker announces it."""

import threading
import time
from collections.abc import Callable

WINDOW_S = 60


class RunRate:
    """Counts ended runs by second; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started_s = clock()
        #: The numbers of runs that ended, by second of the clock; the oldest second comes first.
        self._ended: dict[int, int] = {}
        self._lock = threading.Lock()

    def count(self) -> None:
        """Count a run that has just ended with a result or an error."""
        with self._lock:
            second = int(self._clock())
            self._ended[second] = self._ended.get(second, 0) + 1
            self._forget_old(second)

    def per_s(self) -> float:
        """Return the runs per second in the last minute, or since the start of a younger worker."""
        with self._lock:
            now_s = self._clock()
            self._forget_old(int(now_s))
            ended = sum(self._ended.values())
        return round(ended / min(WINDOW_S, max(1.0, now_s - self._started_s)), 2)

    def _forget_old(self, second: int) -> None:
        while self._ended and (oldest := next(iter(self._ended))) <= second - WINDOW_S:
            del self._ended[oldest]
