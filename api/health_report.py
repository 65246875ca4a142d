"""Reports the state of the queue, the catalog and the workers, with the faults of each part."""

import asyncio
import re
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

from api.search.catalog_cache import CatalogCache
from common.errors import CatalogError, CatalogUnavailable, CoverSearchError, QueueUnavailable
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Load

#: The seconds after which a catalog that does not answer a health check counts as unavailable.
PROBE_TIMEOUT_S = 2.0
#: The minimum number of seconds between checks of the catalog, because /health may be requested often.
PROBE_EVERY_S = 2.0
#: The seconds for which a report is reused, because each report runs a script in Redis and /health has no
#: rate limit.
REPORT_REUSE_S = 0.25

#: Matches the folders of file paths, but not paths in URLs or endpoints such as /api/genres.
_PATHS = re.compile(r"(?<![\w.:/~-])(?:~|/(?!api/|docs/|app/)[\w.@+-]+)(?:/[\w.@+-]+)*/(?=[\w.@+-])")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
#: Matches the query of a URL, which may contain a token.
_URL_QUERIES = re.compile(r"(https?://[^\s?#'\")]*)[?#][^\s'\")]*")

Status = Literal["healthy", "degraded", "unhealthy"]


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The state of the service at one moment."""

    load: Load | None
    total_albums: int
    #: The reasons why parts are not ready, by the name of the part (`queue`, `catalog` or `worker`).
    problems: dict[str, str]

    @property
    def status(self) -> Status:
        if "queue" in self.problems:
            return "unhealthy"
        return "degraded" if self.problems else "healthy"

    @property
    def ready_workers(self) -> list[dict[str, Any]]:
        """The status announcements of live workers whose model is loaded."""
        return ready_workers(self.load)

    def without_details(self) -> "HealthReport":
        """Return the public report, which lists the parts that are not ready but gives no reasons."""
        return replace(
            self, problems=dict.fromkeys(self.problems, "not ready; an admin key shows the reason")
        )


class HealthCheck:
    """Checks queue, workers and catalog."""

    def __init__(self, *, ledger: GatewayLedger, catalog: CatalogCache) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._reported_at = self._probed_at = float("-inf")
        self._pending: asyncio.Future[HealthReport] | None = None
        self._catalog_problem: CatalogError | None = None

    async def report(self) -> HealthReport:
        """Return a recent report, the result of a check in progress, or a new check of every part."""
        if self._pending is None or time.monotonic() - self._reported_at > REPORT_REUSE_S:
            self._reported_at = time.monotonic()
            self._pending = asyncio.ensure_future(self._make_report())
        # The check is shielded, because a client that disconnects must not cancel it for other clients.
        return await asyncio.shield(self._pending)

    async def _make_report(self) -> HealthReport:
        load, (total_albums, catalog_problem) = await asyncio.gather(self._load(), self._check_catalog())
        problems = {}
        if isinstance(load, CoverSearchError):
            problems["queue"] = load.detail
        if catalog_problem is not None:
            problems["catalog"] = catalog_problem.reason
        known = load if isinstance(load, Load) else None
        if known is not None and not ready_workers(known):
            problems["worker"] = why_no_worker(known)
        shown = {part: redact(reason) for part, reason in problems.items()}
        return HealthReport(load=known, total_albums=total_albums, problems=shown)

    async def _load(self) -> Load | QueueUnavailable:
        try:
            return await self._ledger.load()
        except QueueUnavailable as error:
            return error

    async def _check_catalog(self) -> tuple[int, CatalogError | None]:
        if time.monotonic() - self._probed_at > PROBE_EVERY_S:
            self._catalog_problem = await self._probe()
            self._probed_at = time.monotonic()
        if self._catalog_problem is not None:
            return 0, self._catalog_problem
        try:
            return (await self._catalog.stats()).total_albums, None
        except CatalogError as error:
            return 0, error

    async def _probe(self) -> CatalogError | None:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self._catalog.check()
        except TimeoutError:
            return CatalogUnavailable(f"the catalog did not answer within {PROBE_TIMEOUT_S:g} s")
        except CatalogError as error:
            return error
        return None


def ready_workers(load: Load | None) -> list[dict[str, Any]]:
    """Return the status announcements of live workers whose model is loaded."""
    return [worker for worker in load.workers if worker.get("ready")] if load else []


def why_no_worker(load: Load) -> str:
    """Return the reason why no worker is ready, such as the last error that a worker announced."""
    errors = [str(worker["error"]) for worker in load.workers if worker.get("error")]
    if errors:
        return f"no worker is ready: {errors[-1]}"
    return "a worker is loading its model" if load.workers else "no worker is alive"


def redact(sentence: str) -> str:
    """Shorten file paths to their last component; remove user names, passwords and queries from URLs."""
    return _PATHS.sub("…/", _URL_QUERIES.sub(r"\1?…", _CREDENTIALS.sub("…@", sentence)))
