"""Whether the service can do its work, told from what its parts say of themselves."""

import asyncio
import re
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

from api.search.catalog_cache import CatalogCache
from common.errors import CatalogError, CatalogUnavailable, CoverSearchError, QueueUnavailable
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Load

#: A catalog that takes longer than this to say that it is well counts as not answering.
PROBE_TIMEOUT_S = 2.0
#: HealthReport is asked often and by many: the catalog is asked at most this often.
PROBE_EVERY_S = 2.0
#: And everything else: a look at the queue is a script in Redis, and nobody is charged for it.
LOOK_EVERY_S = 0.25

#: Paths of two names or more; not the path of a URL, and not an endpoint such as /api/genres.
_PATHS = re.compile(r"(?<![\w.:/~-])(?:~|/(?!api/|docs/|app/)[\w.@+-]+)(?:/[\w.@+-]+)*/(?=[\w.@+-])")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")

Status = Literal["healthy", "degraded", "unhealthy"]


@dataclass(frozen=True, slots=True)
class HealthReport:
    """One look at the service."""

    load: Load | None
    total_albums: int
    #: What is wrong, by the part that it is wrong with: `queue`, `catalog`, `worker`.
    problems: dict[str, str]

    @property
    def status(self) -> Status:
        if "queue" in self.problems:
            return "unhealthy"
        return "degraded" if self.problems else "healthy"

    @property
    def ready_workers(self) -> list[dict[str, Any]]:
        """The announcements of the live workers that hold a loaded model."""
        return ready_workers(self.load)

    def without_details(self) -> "HealthReport":
        """Return what anybody may know: which part is not well, and not why."""
        return replace(self, problems=dict.fromkeys(self.problems, "not ready; an admin key is told why"))


class HealthCheck:
    """Looks at queue, workers and catalog."""

    def __init__(self, *, ledger: GatewayLedger, catalog: CatalogCache) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._looked_at = self._probed_at = float("-inf")
        self._looking: asyncio.Future[HealthReport] | None = None
        self._catalog_problem: CatalogError | None = None

    async def look(self) -> HealthReport:
        """Ask every part, or share what is being asked or was found a moment ago."""
        if self._looking is None or time.monotonic() - self._looked_at > LOOK_EVERY_S:
            self._looked_at = time.monotonic()
            self._looking = asyncio.ensure_future(self._look())
        # Shielded: one client that hangs up does not end the look for the others.
        return await asyncio.shield(self._looking)

    async def _look(self) -> HealthReport:
        load, (total_albums, catalog_problem) = await asyncio.gather(self._load(), self._look_at_catalog())
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

    async def _look_at_catalog(self) -> tuple[int, CatalogError | None]:
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
    """Return the announcements of the live workers that hold a loaded model."""
    return [worker for worker in load.workers if worker.get("ready")] if load else []


def why_no_worker(load: Load) -> str:
    """Return why no worker is ready: the reason that was told last, which is what is wrong now."""
    errors = [str(worker["error"]) for worker in load.workers if worker.get("error")]
    if errors:
        return f"no worker is ready: {errors[-1]}"
    return "a worker is loading its model" if load.workers else "no worker is alive"


def redact(sentence: str) -> str:
    """Cut paths down to their last name, and remove users and passwords from URLs."""
    return _PATHS.sub("…/", _CREDENTIALS.sub("…@", sentence))
