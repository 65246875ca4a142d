"""Reads the pages of searches from cached rankings, and limits how many scans of the catalog run at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from common.cache.rankings import RankingCache, ranking_in
from common.cache.results import Entry, WorkerCache
from common.catalog.open_catalog import CONNECTIONS
from common.catalog.protocol import Matches
from common.catalog.ranking import Ranking
from common.catalog.version import made_from
from common.errors import CatalogBusy
from common.ledger.records import Claim
from common.search_query import SearchQuery, ranking_key

#: Searches the catalog. The arguments are the known ranking, and whether the search may need a scan of all
#: albums that meet the filters.
ReadPage: TypeAlias = Callable[[Ranking | None, bool], Matches]

#: Maximum number of scans of one worker at once; the other connections are left for usual searches.
SCANS = CONNECTIONS // 4
#: Maximum time in seconds for which a search waits if too many searches already wait for a scan.
_CROWDED_S = 1.0


class ScanTurns:
    """Limits the scans that run at once, and the searches that wait for a scan; thread-safe."""

    def __init__(self, *, running: int = SCANS, waiting: int) -> None:
        self._running = threading.BoundedSemaphore(running)
        self._places = threading.BoundedSemaphore(running + waiting)

    @contextmanager
    def turn(self, *, wait_s: float) -> Iterator[None]:
        """Wait until a scan is allowed.

        Raises:
            CatalogBusy: too many searches wait, or no scan was allowed within `wait_s` seconds.
        """
        with (
            _acquired(self._places, wait_s=min(wait_s, _CROWDED_S)),
            _acquired(self._running, wait_s=wait_s),
        ):
            yield


@contextmanager
def _acquired(semaphore: threading.BoundedSemaphore, *, wait_s: float) -> Iterator[None]:
    if not semaphore.acquire(timeout=max(0.0, wait_s)):
        raise CatalogBusy("too many searches wait for a scan of the whole catalog")
    try:
        yield
    finally:
        semaphore.release()


class RankedPages:
    """Reads the pages of searches; thread-safe."""

    def __init__(
        self,
        rankings: RankingCache,
        cache: WorkerCache,
        turns: ScanTurns,
        *,
        model_fingerprint: str,
        has_thumbnails: bool,
    ) -> None:
        self._rankings = rankings
        self._cache = cache
        self._turns = turns
        self._model_fingerprint = model_fingerprint
        self._has_thumbnails = has_thumbnails

    def read(
        self, query: SearchQuery, read: ReadPage, *, claim: Claim, wait_s: Callable[[], float]
    ) -> tuple[Matches, tuple[Entry, ...]]:
        """Return a page of a search, and the cache entries to write with its result.

        `claim` contains the model and the catalog version in the query key, and usually the cached ranking.
        `wait_s` returns how many seconds the search may wait for a scan.

        Raises:
            CatalogBusy: the page needs a scan, and too many searches wait for one.
        """
        wanted_from = claim.made_from
        key = ranking_key(query, made_from=wanted_from)
        known = self._known(key, claim)
        if not _may_scan(query, known):
            matches = read(known, False)
        else:
            with self._turns.turn(wait_s=wait_s()):
                # While this search waited, another search may have stored the ranking.
                known = self._rankings.get(key)
                matches = read(known, _may_scan(query, known))
                if matches.ranking is not None and matches.ranking.complete:
                    # The ranking is stored before the turn ends, for the searches that wait for their turn.
                    self._cache.put(self._entries(key, matches, wanted_from=wanted_from))
        if known is None or self._is_from(matches, wanted_from):
            return matches, self._entries(key, matches, wanted_from=wanted_from)
        # The catalog has changed since the gateway computed the query key, and the known ranking is outdated.
        if query.may_scan:
            with self._turns.turn(wait_s=wait_s()):
                return read(None, True), ()
        return read(None, False), ()

    def _known(self, key: str, claim: Claim) -> Ranking | None:
        """Return the ranking that the claim includes, or otherwise the ranking in the cache."""
        match claim.ranking:
            # A gateway of another release may compute other keys.
            case (claimed_key, entry) if claimed_key == key:
                return None if entry is None else ranking_in(entry)
            case _:
                return self._rankings.get(key)

    def scan_turn(self, *, wait_s: float) -> AbstractContextManager[None]:
        """Wait until a scan for another purpose than a page is allowed.

        Raises:
            CatalogBusy: too many searches wait for a scan.
        """
        return self._turns.turn(wait_s=wait_s)

    def _entries(self, key: str, matches: Matches, *, wanted_from: str) -> tuple[Entry, ...]:
        if matches.ranking is None or not self._is_from(matches, wanted_from):
            return ()
        return (self._rankings.entry(key, matches.ranking),)

    def _is_from(self, matches: Matches, wanted_from: str) -> bool:
        read_from = made_from(
            model=self._model_fingerprint, version=matches.version, has_thumbnails=self._has_thumbnails
        )
        return read_from == wanted_from


def _may_scan(query: SearchQuery, known: Ranking | None) -> bool:
    """Return whether a search may need a scan of all albums that meet the filters."""
    if known is None:
        return query.may_scan
    return known.page(offset=query.offset, k=query.k, min_similarity=query.min_similarity) is None
