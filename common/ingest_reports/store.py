"""Writes and reads the reports of ingests in Redis."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from common.errors import QueueUnavailable
from common.ingest_reports.report import IngestReport, IngestState, read_report
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis

#: The time for which a report is kept after its ingest has ended.
KEEP_MS = 24 * 3_600_000
#: The number of ingests whose reports are kept.
KEEP_REPORTS = 10
#: The time after which an ingest without a new report counts as lost; ingests report once a second.
LOST_AFTER_MS = 10_000
#: The time in seconds for which a gateway answers with the same reports.
REUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class TimedReport:
    """A report with its times in milliseconds since the epoch, by the clock of Redis."""

    report: IngestReport
    started_ms: int
    reported_ms: int


@dataclass(frozen=True, slots=True)
class IngestReports:
    """The reports of all ingests at one moment, the latest start first."""

    now_ms: int
    reports: tuple[TimedReport, ...]


class IngestReportWriter:
    """Writes reports; calls raise redis-py's errors."""

    def __init__(self, redis: Redis) -> None:
        self._put = redis.register_script(_script_text("put_report"))

    def put(self, report: IngestReport) -> None:
        """Replace the report of an ingest."""
        self._put(args=(report.id, report.to_json(), KEEP_MS, KEEP_REPORTS))


class IngestReportReader:
    """Reads reports at most twice a second; calls raise `QueueUnavailable` if Redis does not answer."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = MultiplexedRedis(redis)
        self._script = redis.register_script(_script_text("read_reports"))
        self._read_at = float("-inf")
        self._pending: asyncio.Future[IngestReports] | None = None

    async def read(self) -> IngestReports:
        """Return the reports of the running ingests and of the latest ingests that have ended."""
        if self._pending is None or time.monotonic() - self._read_at > REUSE_S:
            self._read_at = time.monotonic()
            self._pending = asyncio.ensure_future(self._read())
        # The read is shielded, because a client that disconnects must not cancel it for other clients.
        return await asyncio.shield(self._pending)

    async def _read(self) -> IngestReports:
        try:
            now_ms, *flat = await self._redis.run(self._script, ())
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"the job queue does not answer ({type(error).__name__})") from error
        found = _timed(now_ms, flat)
        return IngestReports(now_ms, tuple(sorted(found, key=lambda one: (-one.started_ms, one.report.id))))


def _timed(now_ms: int, flat: Sequence[Any]) -> list[TimedReport]:
    found: list[TimedReport] = []
    for reported_ms, text in zip(flat[::2], flat[1::2], strict=True):
        report = read_report(text)
        if report is None:
            continue
        if report.state == IngestState.RUNNING and now_ms - reported_ms > LOST_AFTER_MS:
            report = replace(report, state=IngestState.LOST)
        found.append(TimedReport(report, reported_ms - round(report.elapsed_s * 1000), reported_ms))
    return found


def _script_text(name: str) -> str:
    return keyspace.with_names(files("common.ingest_reports").joinpath(f"{name}.lua").read_text())
