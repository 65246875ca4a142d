"""The gateway's cache of catalog reads: genres, statistics, facets, single albums.

Catalog calls block the calling thread, so they run on a small pool of threads. Concurrent identical requests
share one call of the catalog. Every cached value belongs to one version of the catalog.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, TypeVar

import orjson

from api.search.catalog_version import CatalogVersion
from api.search.concurrent_catalog_scans import ScanTurns
from common.catalog.facets.counter import FacetCounter
from common.catalog.facets.counts import Facets
from common.catalog.protocol import Album, AlbumPage, Catalog, CatalogStats, NamePosition
from common.errors import CatalogBusy, CatalogMisconfigured, CatalogUnavailable, InvalidParameter
from common.filters import Filters, canonical_filters
from common.genres import genre_key
from common.search_query import SearchQuery

T = TypeVar("T")

CACHE_TTL_S = 60.0
CACHE_MAX_ENTRIES = 2048
THREADS = 4
#: The maximum number of scans of the catalog at once, which leaves threads for the other reads, and the
#: maximum number of requests that wait for a scan.
SCANS, SCANS_WAITING = THREADS // 2, 8
#: A catalog call is abandoned this number of seconds after the catalog's own timeout.
GRACE_S = 1.0


class ScanBudget(Protocol):
    """The rate-limit budget of the client."""

    async def spend_scan(self) -> None:
        """Pay for a scan of all albums.

        Raises:
            RateLimited, QueueUnavailable
        """
        ...

    async def refund(self) -> None:
        """Give back the units that `spend_scan` took."""
        ...


@dataclass(frozen=True, slots=True)
class Genres:
    """The catalog's sorted genres, and a mapping from normalized genres to the catalog's spellings."""

    names: tuple[str, ...]
    #: Maps each normalized genre to the catalog's spellings; it has several if only the catalog distinguishes
    #: them.
    spellings: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        listed = tuple(names)
        spellings: dict[str, tuple[str, ...]] = {}
        for name in listed:
            key = genre_key(name)
            spellings[key] = (*spellings.get(key, ()), name)
        return cls(listed, spellings)

    def spell(self, query: SearchQuery) -> SearchQuery:
        """Return the query with its genres in the catalog's spelling.

        Raises:
            InvalidParameter: a genre of the query is not in the catalog.
        """
        filters = self.spell_filters(query.filters)
        return query if filters is query.filters else replace(query, filters=filters)

    def spell_filters(self, filters: Filters) -> Filters:
        """Return the filters with their genres in the catalog's spelling.

        Raises:
            InvalidParameter: a genre of the filters is not in the catalog.
        """
        asked = filters.genres
        by_key: dict[str, str] = {}
        for genre in asked:
            # Only keys of genres up to the first unknown genre are computed, because a key can take 0.1 ms.
            key = genre_key(genre)
            by_key[key] = genre
            if key not in self.spellings:
                raise InvalidParameter(
                    f"the catalog has no genre {genre}; GET /api/genres lists them", parameter="genre"
                )
        spelled = tuple(name for key in by_key for name in self.spellings[key])
        return filters if spelled == asked else replace(filters, genres=spelled)


class CatalogCache:
    """Asynchronous, cached access to the catalog."""

    def __init__(self, catalog: Catalog, *, version: CatalogVersion, timeout_s: float) -> None:
        self._catalog = catalog
        self._version_seen = version
        self._facets = FacetCounter(catalog)
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="catalog")
        # A separate thread polls the version, so that many album reads cannot delay a poll.
        self._version_thread = ThreadPoolExecutor(1, thread_name_prefix="catalog-version")
        self._entries: dict[tuple[str, ...], tuple[float, Any]] = {}
        self._scan_turns = ScanTurns(running=SCANS, waiting=SCANS_WAITING)
        self._in_flight: dict[tuple[str, ...], asyncio.Task[Any]] = {}

    async def genres(self) -> Genres:
        """Return every genre of the catalog."""
        return await self._cached(("genres",), lambda: Genres.of(self._catalog.genres()))

    async def stats(self) -> CatalogStats:
        """Return the catalog's statistics."""
        return await self._cached(("stats",), self._catalog.stats)

    async def album(self, album_id: str) -> Album:
        """Return one album.

        Raises:
            AlbumNotFound: no album has this id.
        """
        return await self._cached(("album", album_id), lambda: self._catalog.album(album_id))

    async def find_albums(self, query: str | None, *, limit: int, after: NamePosition) -> AlbumPage:
        """Return one page of the albums that match a query, or of all albums if the query is None.

        Pages are not cached, because there are too many different ones.
        """
        key = (self._version_seen.version, "find", str(query is None), query or "", str(limit), repr(after))
        return await self._share_call(key, lambda: self._catalog.find_albums(query, limit=limit, after=after))

    async def facets(self, filters: Filters, *, budget: ScanBudget) -> Facets:
        """Count the albums that meet the filters, by each value of a filter.

        Counts that may need a scan of all albums are paid for, and wait for their turn.

        Raises:
            InvalidParameter: a genre of the filters is not in the catalog.
            RateLimited: the client cannot pay for the scan.
            CatalogBusy: too many requests wait for a scan.
        """
        spelled = (await self.genres()).spell_filters(filters) if filters.genres else filters
        canonical = orjson.dumps(canonical_filters(spelled), option=orjson.OPT_SORT_KEYS)
        # The hash is shorter than the filters, which can have 30 KB.
        name = hashlib.sha256(canonical).hexdigest()
        version = self._version_seen.seen
        key = ("facets", name)

        def count() -> Facets:
            return self._facets.count(spelled, version=version)

        if self._is_at_hand(key) or not self._facets.may_scan(spelled, version=version):
            return await self._cached(key, count)
        await budget.spend_scan()
        try:
            return await self._cached(key, count, scans=True)
        except CatalogBusy:
            await budget.refund()
            raise

    async def version(self) -> str | None:
        """Return the catalog's current version, or None if the catalog cannot detect every change."""
        return await self._call(self._catalog.version, self._version_thread)

    async def warnings(self) -> list[CatalogMisconfigured]:
        """Return the configuration faults that do not make search results wrong."""
        return await self._call(self._catalog.warnings, self._threads)

    async def check(self) -> None:
        """Check that the catalog answers now."""
        await self._share_call((self._version_seen.version, "check"), self._catalog.check)

    def spell_from_cache(self, query: SearchQuery) -> SearchQuery | None:
        """Return the query with its genres in the catalog's spelling, or None if no genres are cached."""
        if not query.filters.genres:
            return query
        genres: Genres | None = self._lookup((self._version_seen.version, "genres"))
        return None if genres is None else genres.spell(query)

    async def spell(self, query: SearchQuery) -> SearchQuery:
        """Return the query with its genres in the catalog's spelling.

        Raises:
            InvalidParameter: a genre of the query is not in the catalog.
        """
        return (await self.genres()).spell(query)

    def close(self) -> None:
        """Stop the threads and close the catalog's connections."""
        for threads in (self._threads, self._version_thread):
            threads.shutdown(wait=False, cancel_futures=True)
        self._catalog.close()

    def _is_at_hand(self, name: tuple[str, ...]) -> bool:
        """Return whether a value is cached, or another request is reading it."""
        key = (self._version_seen.version, *name)
        return key in self._in_flight or self._lookup(key) is not None

    async def _cached(self, name: tuple[str, ...], call: Callable[[], T], *, scans: bool = False) -> T:
        key = (self._version_seen.version, *name)
        known: T | None = self._lookup(key)
        if known is not None:
            return known
        value = await self._share_call(key, call, scans=scans)
        if len(self._entries) >= CACHE_MAX_ENTRIES:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (time.monotonic() + CACHE_TTL_S, value)
        return value

    def _lookup(self, key: tuple[str, ...]) -> Any:
        expires, value = self._entries.get(key, (0.0, None))
        return value if time.monotonic() < expires else None

    async def _share_call(self, key: tuple[str, ...], call: Callable[[], T], *, scans: bool = False) -> T:
        call_task: asyncio.Task[T] | None = self._in_flight.get(key)
        if call_task is None:
            calling = self._scan(call) if scans else self._call(call, self._threads)
            call_task = asyncio.create_task(calling)
            self._in_flight[key] = call_task
            call_task.add_done_callback(lambda task: self._on_call_done(key, task))
        # The call is shielded, because a client that disconnects must not cancel it for other clients.
        return await asyncio.shield(call_task)

    def _on_call_done(self, key: tuple[str, ...], task: "asyncio.Task[Any]") -> None:
        del self._in_flight[key]
        if not task.cancelled():
            # If every waiting client has disconnected, nobody retrieves the exception, and asyncio would log
            # it.
            task.exception()

    async def _scan(self, call: Callable[[], T]) -> T:
        async with self._scan_turns.turn(wait_s=self._timeout_s):
            return await self._call(call, self._threads)

    async def _call(self, call: Callable[[], T], threads: ThreadPoolExecutor) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s + GRACE_S):
                return await loop.run_in_executor(threads, call)
        except TimeoutError as error:
            raise CatalogUnavailable("the catalog did not answer in time") from error
