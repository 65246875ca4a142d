"""Reports the progress of an ingest to the Redis at REDIS_URL, where gateways read it for `/api/ingests`.

A thread sends a report once a second, so an ingest never waits for Redis while it runs. If Redis does not
answer, the ingest continues, and the reports are sent again as soon as Redis answers.
"""

import hashlib
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError, ResponseError
from rich.console import Console

from catalog.ingest.report import Report
from catalog.progress_bar import ProgressBar, Throughput, progress_bar
from common.errors import CoverSearchError
from common.ingest_reports.report import IngestPhase, IngestReport, IngestState, LeftOut
from common.ingest_reports.store import IngestReportWriter
from common.redis.clients import open_redis
from common.redis.errors import describe_error, permanent_error
from common.settings import Settings

REPORT_EVERY_S = 1.0
#: The number of attempts to send the last report, because no later one corrects a failure.
_LAST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of albums by what an ingest did with them."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


def folder_ingest_id(folder: Path) -> str:
    """Return the id of all ingests of a folder on this machine, so that a later one replaces the report."""
    return hashlib.sha256(f"{platform.node()}:{folder.resolve()}".encode(errors="replace")).hexdigest()[:16]


class IngestProgress:
    """The progress of one ingest; the ingest changes it, and a thread reads it once a second."""

    def __init__(
        self, *, ingest_id: str, name: str, source: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._id = ingest_id
        self._name = name
        self._source = source
        self._clock = clock
        self._began_s = clock()
        self.begin(IngestPhase.STARTING, total=None)
        #: Returns the present counts.
        self.counts: Callable[[], Counts] = Counts
        #: The number of albums that were deleted because they are gone from a music folder.
        self.deleted = 0
        #: The report of rejected rows; None before the ingest has opened it.
        self.rejected: Report | None = None

    def begin(self, phase: IngestPhase, *, total: int | None) -> None:
        """Begin a phase of `total` items; None if the number is not known."""
        self._phase, self._total, self._done, self._pace = phase, total, 0, Throughput(self._clock)

    def advance(self, items: int) -> None:
        """Count items of the phase that were processed."""
        self._pace.worked(items)
        self._done += items

    def skip(self, items: int) -> None:
        """Count items of the phase that needed no work."""
        self._pace.skipped()
        self._done += items

    def report(self, state: IngestState = IngestState.RUNNING, *, error: str | None = None) -> IngestReport:
        """Return the report of this moment."""
        counts, rejected = self.counts(), self.rejected
        return IngestReport(
            id=self._id,
            name=self._name,
            source=self._source,
            state=state,
            phase=self._phase,
            done=self._done,
            total=self._total,
            per_s=self._pace.per_s,
            elapsed_s=self._clock() - self._began_s,
            added=counts.added,
            changed=counts.changed,
            unchanged=counts.unchanged,
            deleted=self.deleted,
            # The main thread adds to both meanwhile; `list` copies each of them in one step.
            left_out_by_reason={} if rejected is None else dict(list(rejected.reasons.items())),
            left_out=()
            if rejected is None
            else tuple(LeftOut(one.row, one.id, one.reason, one.detail) for one in list(rejected.first)),
            error=error,
        )


@dataclass(frozen=True, slots=True)
class ReportedBar:
    """A progress bar on the screen, whose figures are also reported."""

    _bar: ProgressBar
    _progress: IngestProgress

    def advance(self, items: int) -> None:
        self._bar.advance(items)
        self._progress.advance(items)

    def skip(self, items: int) -> None:
        self._bar.skip(items)
        self._progress.skip(items)


@contextmanager
def reported_bar(
    console: Console, name: str, *, total: int | None, phase: IngestPhase, progress: IngestProgress
) -> Iterator[ReportedBar]:
    """Show a progress bar while the `with` block runs, and report the phase."""
    progress.begin(phase, total=total)
    with progress_bar(console, name, total=total) as bar:
        yield ReportedBar(bar, progress)


@contextmanager
def reported_ingest(
    settings: Settings,
    console: Console,
    *,
    name: str,
    source: str,
    ingest_id: str | None = None,
    redis_url: str | None = None,
    interruptions: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
) -> Iterator[IngestProgress]:
    """Report an ingest while the `with` block runs, and finally how it ended.

    The report replaces an earlier report with the same `ingest_id`. `redis_url` replaces REDIS_URL. An
    exception of `interruptions` means that somebody stopped the ingest.
    """
    progress = IngestProgress(ingest_id=ingest_id or secrets.token_hex(8), name=name, source=source)
    with open_redis(redis_url or settings.redis_url.get_secret_value()) as redis:
        sender = _Sender(progress, IngestReportWriter(redis), console)
        sender.start()
        try:
            yield progress
        except interruptions:
            sender.finish(progress.report(IngestState.INTERRUPTED))
            raise
        except BaseException as error:
            sender.finish(progress.report(IngestState.FAILED, error=_described(error)))
            raise
        sender.finish(progress.report(IngestState.DONE))


class _Sender:
    """The thread that sends the reports of one ingest."""

    def __init__(self, progress: IngestProgress, writer: IngestReportWriter, console: Console) -> None:
        self._progress = progress
        self._writer = writer
        self._console = console
        self._ended = threading.Event()
        # A thread that waits for Redis must not keep a command from ending.
        self._thread = threading.Thread(target=self._run, name="ingest-reports", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, report: IngestReport) -> None:
        """Stop the thread, and send the last report."""
        self._ended.set()
        self._thread.join()
        for _ in range(_LAST_ATTEMPTS):
            fault = self._send(report)
            if fault is None:
                return
        # If Redis does not answer, the command already says so when it invalidates the cached results.
        if fault is not None and (
            isinstance(fault, ResponseError) or permanent_error(fault, setting="REDIS_URL") is not None
        ):
            self._console.print(
                f"the page does not show how this ingest ended: {describe_error(fault, setting='REDIS_URL')}",
                style="yellow",
                markup=False,
            )

    def _run(self) -> None:
        while not self._ended.is_set():
            self._send(self._progress.report())
            self._ended.wait(REPORT_EVERY_S)

    def _send(self, report: IngestReport) -> Exception | None:
        try:
            self._writer.put(report)
        except (RedisError, OSError) as error:
            # The next report, a second later, contains the same figures.
            return error
        return None


def _described(error: BaseException) -> str:
    """Return why an ingest failed; the text of unexpected errors may contain secrets, so it is left out."""
    if isinstance(error, CoverSearchError):
        return error.detail
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}; the output of the command says more"
