"""Measures the duration of each stage of a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from common.jobs import Timings
from common.ledger.records import Claim


class Stopwatch:
    """Adds up the durations of a run's stages, which must not overlap."""

    def __init__(self, claim: Claim) -> None:
        #: The milliseconds between the submission and the claim of the run, by Redis's clock.
        self._before_ms = max(0, claim.claimed_ms - claim.created_ms)
        self._claimed_at = time.perf_counter()
        self._remaining_s = (claim.deadline_ms - claim.claimed_ms) / 1000
        self._stages_ms = {"decode": 0.0, "embed": 0.0, "search": 0.0}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the duration of the `with` block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, (time.perf_counter() - start) * 1000)

    def add(self, name: str, spent_ms: float) -> None:
        """Add a duration that was measured elsewhere."""
        self._stages_ms[name] += spent_ms

    def remaining_s(self) -> float:
        """Return the seconds until the deadline, a negative number after the deadline."""
        return self._remaining_s - (time.perf_counter() - self._claimed_at)

    def timings(self) -> Timings:
        """Return the run's timings up to now."""
        total_ms = self._before_ms + (time.perf_counter() - self._claimed_at) * 1000
        return Timings.of(
            total_ms=total_ms,
            decode_ms=self._stages_ms["decode"],
            embed_ms=self._stages_ms["embed"],
            search_ms=self._stages_ms["search"],
        )
