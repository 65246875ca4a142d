"""What the gateway itself asks the catalog: genres, figures, single albums; each remembered a while.

Catalog calls block, so they run on a few threads of their own; whoever asks the same thing while a
call is under way waits for that call. What is remembered belongs to one version of the catalog.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from api.search.catalog_version import CatalogVersion
from common.catalog.protocol import Album, Catalog, CatalogStats
from common.errors import CatalogMisconfigured, CatalogUnavailable, InvalidParameter
from common.genres import genre_key
from common.queries import SearchQuery

T = TypeVar("T")

REMEMBER_S = 60.0
REMEMBERED_MAX = 2048
THREADS = 4
#: Beyond the catalog's own timeout: a call that exceeds it by this is given up.
GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class Genres:
    """The catalog's genres, sorted, and how it spells each by its key."""

    names: tuple[str, ...]
    #: More than one only where the catalog tells spellings apart that Python does not.
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
        """Return the query with its genres as the catalog spells them.

        Raises:
            InvalidParameter: the catalog has no such genre.
        """
        asked = query.filters.genres
        by_key = {genre_key(genre): genre for genre in asked}
        for key, genre in by_key.items():
            if key not in self.spellings:
                raise InvalidParameter(
                    f"the catalog has no genre {genre}; GET /api/genres lists them", parameter="genre"
                )
        spelled = tuple(name for key in by_key for name in self.spellings[key])
        return query if spelled == asked else replace(query, filters=replace(query.filters, genres=spelled))


class CatalogCache:
    """The catalog on asyncio."""

    def __init__(self, catalog: Catalog, *, version: CatalogVersion, timeout_s: float) -> None:
        self._catalog = catalog
        self._version_seen = version
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="catalog")
        # So that a rush of albums never keeps the version from being seen.
        self._version_thread = ThreadPoolExecutor(1, thread_name_prefix="catalog-version")
        self._remembered: dict[tuple[str, ...], tuple[float, Any]] = {}
        self._flying: dict[tuple[str, ...], asyncio.Task[Any]] = {}

    async def genres(self) -> Genres:
        """Return every genre of the catalog."""
        return await self._recall(("genres",), lambda: Genres.of(self._catalog.genres()))

    async def stats(self) -> CatalogStats:
        """Return the catalog's figures."""
        return await self._recall(("stats",), self._catalog.stats)

    async def album(self, album_id: str) -> Album:
        """Return one album.

        Raises:
            AlbumNotFound: no album has this id.
        """
        return await self._recall(("album", album_id), lambda: self._catalog.album(album_id))

    async def version(self) -> str | None:
        """Return the catalog's version as it is now; None where changes may pass unnoticed."""
        return await self._call(self._catalog.version, self._version_thread)

    async def warnings(self) -> list[CatalogMisconfigured]:
        """Return what is set up wrongly without making searches wrong."""
        return await self._call(self._catalog.warnings, self._threads)

    async def check(self) -> None:
        """Prove that the catalog answers now."""
        await self._fly((self._version_seen.version, "check"), self._catalog.check)

    def spelled_from_memory(self, query: SearchQuery) -> SearchQuery | None:
        """Return the query with its genres as the catalog spells them, None where they are not at hand."""
        if not query.filters.genres:
            return query
        genres: Genres | None = self._memory((self._version_seen.version, "genres"))
        return None if genres is None else genres.spell(query)

    async def spelled(self, query: SearchQuery) -> SearchQuery:
        """Return the query with its genres spelled as the catalog spells them.

        Raises:
            InvalidParameter: the catalog has no such genre.
        """
        return (await self.genres()).spell(query)

    def close(self) -> None:
        """Release the threads and the catalog's connections."""
        for threads in (self._threads, self._version_thread):
            threads.shutdown(wait=False, cancel_futures=True)
        self._catalog.close()

    async def _recall(self, name: tuple[str, ...], call: Callable[[], T]) -> T:
        key = (self._version_seen.version, *name)
        known: T | None = self._memory(key)
        if known is not None:
            return known
        value = await self._fly(key, call)
        if len(self._remembered) >= REMEMBERED_MAX:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = (time.monotonic() + REMEMBER_S, value)
        return value

    def _memory(self, key: tuple[str, ...]) -> Any:
        expires, value = self._remembered.get(key, (0.0, None))
        return value if time.monotonic() < expires else None

    async def _fly(self, key: tuple[str, ...], call: Callable[[], T]) -> T:
        flying: asyncio.Task[T] | None = self._flying.get(key)
        if flying is None:
            flying = asyncio.create_task(self._call(call, self._threads))
            self._flying[key] = flying
            flying.add_done_callback(lambda task: self._land(key, task))
        # Shielded: one client that hangs up does not end the call for the others.
        return await asyncio.shield(flying)

    def _land(self, key: tuple[str, ...], task: "asyncio.Task[Any]") -> None:
        del self._flying[key]
        if not task.cancelled():
            # Whoever waited has it; if nobody does any more, asyncio must not complain.
            task.exception()

    async def _call(self, call: Callable[[], T], threads: ThreadPoolExecutor) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s + GRACE_S):
                return await loop.run_in_executor(threads, call)
        except TimeoutError as error:
            raise CatalogUnavailable("the catalog did not answer in time") from error
