"""The progress bar of commands that process covers: the number done, the rate and the time left."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

_WINDOW_S = 30.0
#: Covers that finish within this time, in seconds, share one entry of the throughput history.
_STEP_S = 0.1


class Throughput:
    """Measures the covers per second over the last 30 s, not counting covers that needed no work."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: Pairs of a time and the number of covers done by then; the first pair is the start of the window.
        self._done: deque[tuple[float, int]] = deque([(clock(), 0)])

    def worked(self, covers: int) -> None:
        """Count covers that were just finished."""
        now, done = self._clock(), self._done[-1][1] + covers
        if len(self._done) > 1 and now - self._done[-2][0] < _STEP_S:
            self._done.pop()
        self._done.append((now, done))
        while len(self._done) > 2 and self._done[1][0] < now - _WINDOW_S:  # noqa: PLR2004 - a span has two ends
            self._done.popleft()

    def skipped(self) -> None:
        """Restart the measurement if no cover is finished yet, so that skips do not lower the rate."""
        if not self._done[-1][1]:
            self._done = deque([(self._clock(), 0)])

    @property
    def per_s(self) -> float | None:
        (began, before), (ended, after) = self._done[0], self._done[-1]
        return (after - before) / (ended - began) if after > before and ended > began else None


class RateColumn(ProgressColumn):
    """Shows covers per second."""

    def render(self, task: Task) -> Text:
        per_s = task.fields["pace"].per_s
        return Text("" if per_s is None else f"{per_s:.1f}/s")


class TimeLeftColumn(ProgressColumn):
    """Shows the time that the remaining covers take at the current rate if none is skipped."""

    def render(self, task: Task) -> Text:
        per_s, remaining = task.fields["pace"].per_s, task.remaining
        if per_s is None or remaining is None:
            return Text("-:--:--")
        return Text(str(timedelta(seconds=int(remaining / per_s))))


@dataclass(frozen=True, slots=True)
class ProgressBar:
    """A progress bar on the screen."""

    _progress: Progress
    _task: TaskID
    _pace: Throughput

    def advance(self, covers: int) -> None:
        """Count covers that were processed."""
        self._pace.worked(covers)
        self._progress.advance(self._task, covers)

    def skip(self, covers: int) -> None:
        """Count covers that needed no work."""
        self._pace.skipped()
        self._progress.advance(self._task, covers)


@contextmanager
def progress_bar(
    console: Console, name: str, *, total: int | None, completed: int = 0
) -> Iterator[ProgressBar]:
    """Show a progress bar while the `with` block runs; `total` is None if it is not known."""
    pace = Throughput()
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeLeftColumn(),
        console=console,
    )
    with progress:
        yield ProgressBar(
            progress, progress.add_task(name, total=total, completed=completed, pace=pace), pace
        )
