"""Prints progress as plain lines, for output that is not a terminal and therefore shows no progress bar."""

import time
from collections.abc import Callable

#: The minimum number of seconds between two lines.
INTERVAL_S = 5.0


class ProgressLines:
    """Reports how many of `total` items are done, at most once in `INTERVAL_S` seconds."""

    def __init__(
        self,
        report: Callable[[str], None],
        *,
        name: str,
        total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._name = name
        self._total = total
        self._clock = clock
        self._done = 0
        self._reported_at = clock()

    def advance(self, done: int) -> None:
        """Count items that were just finished."""
        self._done += done
        now = self._clock()
        if now - self._reported_at >= INTERVAL_S:
            self._reported_at = now
            self._report(f"{self._name}: {self._done} of {self._total}")
