"""Stand-ins for other parts: a catalog in memory, and a worker that answers without a model.

Tests of the gateway use both stand-ins with the real ledger. Other tests prove that real workers and catalogs
behave like the stand-ins.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import orjson
from redis.exceptions import RedisError

from common.cache.results import WorkerCache
from common.catalog.facets.columns import FacetColumns, GenreNames
from common.catalog.facets.counter import FacetCounter
from common.catalog.facets.parse_sql_result import columns_from_document
from common.catalog.protocol import (
    BEFORE_FIRST,
    Album,
    AlbumPage,
    CatalogStats,
    Embeddings,
    FoundAlbum,
    GenreCount,
    Match,
    Matches,
    ModelStamp,
    NamePosition,
    Prints,
)
from common.catalog.ranking import Ranking
from common.catalog.version import ensure_catalog_version, made_from
from common.colours.names import SHADES
from common.errors import AlbumNotFound, CatalogMisconfigured, CoverSearchError
from common.filters import Filters
from common.genres import genre_key
from common.jobs import JobFailure, Timings
from common.ledger.records import Claim
from common.prints import Print
from common.redis import keyspace
from common.redis.clients import open_redis
from common.result_json import result_json
from common.search_query import NEWEST_VERSION, SearchQuery, query_from_json
from common.settings import Settings
from tests.integration.api.random_explanations import random_explanations
from tests.ledgers import worker_ledger

MODEL = "stand-in"
GENRES = ("Electronic", "Jazz", "Rock")
COLOURS = ("red", "blue")
WITHOUT_PALETTE = 3


def make_album(number: int, *, album_id: str | None = None) -> Album:
    return Album(
        id=album_id or str(number),
        artist=f"Artist {number}",
        album_name=f"Album {number}",
        genre=GENRES[number % len(GENRES)],
        release_year=1970 + number % 50,
        pitchfork_score=round(number % 100 / 10, 1),
        best_new_music=number % 7 == 0,
        cover_url=f"/covers/{number}.jpg",
        reviewer=f"Reviewer {number}",
        metadata=f'{{"label": "Label {number % 3}"}}',
    )


class MemoryCatalog:
    """A catalog in memory; while `fault` is set, every call raises it."""

    def __init__(self, albums: int = 60) -> None:
        self.made_prints: dict[str, Print] = {}
        self.albums = {str(number): make_album(number) for number in range(1, albums + 1)}
        self.fault: CoverSearchError | None = None
        self.calls: list[str] = []
        self.current_version: str | None = "1"
        #: Whether reading the version succeeds while `fault` is set.
        self.tells_version = False
        self.wrong: list[CatalogMisconfigured] = []
        self.asked_what_is_wrong = 0

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.fault is not None:
            raise self.fault

    def search(
        self,
        embedding: npt.NDArray[np.float32],  # noqa: ARG002  every album is near to everything here
        *,
        k: int,
        filters: Filters,
        offset: int = 0,
        min_similarity: float | None = None,
        details: bool = False,
        exclude_ids: Sequence[str] = (),
        named: str | None = None,
        model_fingerprint: str | None = None,  # noqa: ARG002  and of every model
        with_embeddings: bool = False,  # noqa: ARG002  the stand-in worker explains without embeddings
        known: Ranking | None = None,  # noqa: ARG002  the ranking never changes
    ) -> Matches:
        self._called("search")
        meeting = [a for a in self.albums.values() if meets(a, filters) and a.id not in exclude_ids]
        ranking = [
            match
            for index, album in enumerate(meeting)
            if (match := Match(_described(album, details=details), similarity=1 - index / 100)).similarity
            >= (-1 if min_similarity is None else min_similarity)
        ]
        end = offset + k
        called = [a for a in self.albums.values() if a.album_name.lower() == (named or "").lower()]
        return Matches(
            ranking[offset:end],
            exhausted=end >= len(ranking),
            without_palette=None if filters.color is None else WITHOUT_PALETTE,
            version=self.current_version,
            named=[_described(album, details=False) for album in called[:3]],
        )

    def similar(
        self,
        album_id: str,
        *,
        k: int,
        filters: Filters,
        offset: int = 0,
        min_similarity: float | None = None,
        details: bool = False,
        with_embeddings: bool = False,
        known: Ranking | None = None,  # noqa: ARG002  the ranking never changes
    ) -> Matches:
        self.album(album_id)
        return self.search(
            np.zeros(512, np.float32),
            k=k,
            filters=filters,
            offset=offset,
            min_similarity=min_similarity,
            details=details,
            exclude_ids=[album_id],
            with_embeddings=with_embeddings,
        )

    def album(self, album_id: str) -> Album:
        self._called("album")
        if album_id not in self.albums:
            raise AlbumNotFound(f"no album {album_id}")
        return self.albums[album_id]

    def find_albums(self, query: str | None, *, limit: int, after: NamePosition = BEFORE_FIRST) -> AlbumPage:
        self._called("find_albums")
        words = (query or "").lower().split()
        ids = sorted(i for i, a in self.albums.items() if i > after.id and is_called(a, words))
        found = tuple(FoundAlbum(self.albums[i], None if query is None else "words") for i in ids[:limit])
        return AlbumPage(found, NamePosition(4, id=ids[limit - 1]) if len(ids) > limit else None)

    def embeddings(self, album_ids: Sequence[str]) -> Embeddings:
        self._called("embeddings")
        found = {i: np.zeros(512, np.float32) for i in album_ids if i in self.albums}
        return Embeddings(found, version=self.current_version)

    def prints(self, album_ids: Sequence[str]) -> Prints:
        self._called("prints")
        found = {i: self.made_prints[i] for i in album_ids if i in self.made_prints}
        return Prints(found, version=self.current_version)

    def genres(self) -> list[str]:
        self._called("genres")
        return list(GENRES)

    def stats(self) -> CatalogStats:
        self._called("stats")
        counts = [sum(a.genre == g for a in self.albums.values()) for g in GENRES]
        return CatalogStats(
            total_albums=len(self.albums),
            genres=tuple(GenreCount(g, n) for g, n in zip(GENRES, counts, strict=True)),
            year_min=1971,
            year_max=2019,
            score_average=3.0,
            score_min=0.1,
            score_max=6.0,
            best_new_music_count=8,
            without_palette=WITHOUT_PALETTE,
        )

    def facet_columns(self, filters: Filters) -> FacetColumns:
        self._called("facet_columns")
        groups = [
            [
                [genre_key(genre) for genre in album.genres],
                album.best_new_music,
                main_colour_of(album),
                f"{{{album.release_year}}}",
                f"{{{album.pitchfork_score}}}",
            ]
            for album in self.albums.values()
            if meets(album, filters)
        ]
        return columns_from_document({"version": self.current_version, "groups": groups})

    def genre_names(self) -> GenreNames:
        self._called("genre_names")
        return GenreNames({genre_key(genre): genre for genre in GENRES}, self.current_version)

    def model_stamp(self) -> ModelStamp | None:
        return ModelStamp(MODEL, MODEL)

    def version(self) -> str | None:
        if self.fault is not None and not self.tells_version:
            raise self.fault
        return self.current_version

    def warnings(self) -> list[CatalogMisconfigured]:
        self.asked_what_is_wrong += 1
        return self.wrong

    def check(self) -> None:
        self._called("check")

    def close(self) -> None:
        """Do nothing, because there is no connection to close."""


def is_called(album: Album, words: list[str]) -> bool:
    return {*words} <= {*f"{album.artist} {album.album_name}".lower().split()}


def _described(album: Album, *, details: bool) -> Album:
    return album if details else replace(album, reviewer=None, metadata="{}")


def meets(album: Album, filters: Filters) -> bool:
    metadata = orjson.loads(album.metadata)
    return (
        (not filters.genres or not {*album.genres}.isdisjoint(filters.genres))
        and (filters.year_min is None or (album.release_year or 0) >= filters.year_min)
        and (filters.year_max is None or (album.release_year or 0) <= filters.year_max)
        and (filters.min_score is None or (album.pitchfork_score or 0) >= filters.min_score)
        and (not filters.best_new_music or album.best_new_music)
        and (not filters.artists or album.artist.lower() in {name.lower() for name in filters.artists})
        and all(metadata.get(key) == value for key, value in filters.metadata)
        and (filters.color is None or filters.color == SHADES[main_colour_of(album)][0])
    )


def main_colour_of(album: Album) -> str:
    return COLOURS[len(album.artist) % len(COLOURS)]


class StandInWorker:
    """A thread that takes runs from the queue and answers them one at a time from the in-memory catalog."""

    def __init__(self, settings: Settings, catalog: MemoryCatalog, *, worker_id: str = "stand-in") -> None:
        self._catalog = catalog
        self._redis = open_redis(settings.redis_url.get_secret_value(), socket_timeout_s=5)
        self._ledger = worker_ledger(self._redis, settings, worker_id=worker_id)
        self._cache = WorkerCache(
            self._redis, result_ttl_s=settings.result_ttl_s, embedding_ttl_s=settings.embedding_ttl_s
        )
        self._stop = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self._facets = FacetCounter(catalog)
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.announcement: dict[str, object] = {
            "id": worker_id,
            "model": MODEL,
            "ready": True,
            "query_version": NEWEST_VERSION,
        }
        #: Whether the worker has the setting THUMBNAIL_DIR.
        self.has_thumbnails = False
        #: The ids of the answered runs.
        self.answered: list[str] = []
        #: A function that is called with each query; if it raises an exception, the run fails with this
        #: exception.
        self.before_search: Callable[[SearchQuery], None] = lambda _: None

    def start(self) -> None:
        ensure_catalog_version(self._redis, model_fingerprint=MODEL, preprocessing=1)
        self._ledger.renew(self.announcement, ttl_s=2, run_ids=())
        self._thread.start()

    def pause(self) -> None:
        """Claim no further run until `resume`; return when the current run has ended."""
        self._free.clear()
        with self._turn:
            return

    def resume(self) -> None:
        self._free.set()

    def stop(self) -> None:
        self._stop.set()
        self._free.set()
        self._thread.join()
        self._redis.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._step()
            except (CoverSearchError, RedisError, OSError):
                self._stop.wait(0.05)

    def _step(self) -> None:
        self._ledger.renew(self.announcement, ttl_s=2, run_ids=())
        if self._free.wait(0.05):
            with self._turn:
                self._take()

    def _take(self) -> None:
        if not self._free.is_set():
            return
        taken = self._redis.brpop(keyspace.SEARCH_QUEUES, timeout=0.05)
        if taken is None or not isinstance(taken, list | tuple):
            return
        claim = self._ledger.claim(orjson.loads(taken[1])["headers"]["id"])
        if isinstance(claim, Claim):
            self._answer(claim)

    def _answer(self, claim: Claim) -> None:
        query = query_from_json(claim.query)
        try:
            self.before_search(query)
            matches = self._catalog.search(
                np.zeros(512, np.float32),
                k=query.k,
                filters=query.filters,
                offset=query.offset,
                min_similarity=query.min_similarity,
                details=bool(query.include),
                exclude_ids=query.album_ids,
                named=query.only_text,
            )
            for album_id in query.album_ids:
                self._catalog.album(album_id)
        except CoverSearchError as error:
            self._ledger.fail(claim, JobFailure.of(error))
            return
        timings = Timings.of(total_ms=12, decode_ms=1, embed_ms=7, search_ms=2)
        result = result_json(
            matches,
            query=query,
            model=MODEL,
            timings=timings,
            explanations=random_explanations(matches, query) if query.explain else None,
            facets=self._facets.count(query.filters, version=matches.version) if query.facets else None,
        )
        source = made_from(model=MODEL, version=matches.version, has_thumbnails=self.has_thumbnails)
        matches_key = claim.made_from == source
        if matches_key:
            self._cache.put([self._cache.result_entry(claim.query_key, result)])
        # The run is recorded before the client gets the answer, because the test may look at once.
        self.answered.append(claim.run_id)
        self._ledger.succeed(claim.run_id, result=result, timings=timings, matches_key=matches_key)
