"""Answers a run: embeds the parts of the query, combines the embeddings and searches the catalog."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from common.cache.results import CacheLookup, Entry, WorkerCache
from common.catalog.facets.counter import FacetCounter
from common.catalog.facets.counts import Facets
from common.catalog.protocol import Catalog, Matches
from common.catalog.version import made_from
from common.errors import (
    AlbumNotFound,
    CatalogTimeout,
    DeadlineExceeded,
    InvalidParameter,
    ScanTimeout,
    image_given_as,
)
from common.jobs import Timings
from common.result_json import Explanation, result_json
from common.search_query import AlbumPart, ImagePart, SearchQuery, TextPart, query_from_json
from worker.explain.explanation import Explainer
from worker.retries import retry_transient
from worker.search.circuit_breaker import CircuitBreaker
from worker.search.embedding import Embedder, RunEmbeddings
from worker.search.leases import Lease
from worker.search.ranked_pages import RankedPages
from worker.search.stopwatch import Stopwatch

T = TypeVar("T")

#: The weighted embeddings of a query's parts, shape (parts, 512), scaled so that their sum is a unit vector.
Addends: TypeAlias = npt.NDArray[np.float64]

#: The minimum length of a weighted sum of unit vectors; a shorter sum consists mostly of rounding errors.
MIN_LENGTH = 1e-6


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a run as JSON, its timings, and the entries to be cached."""

    result: bytes
    timings: Timings
    entries: tuple[Entry, ...] = ()
    #: Whether the result was computed with the model and the catalog version in the query key.
    matches_key: bool = True
    from_cache: bool = False


class Pipeline:
    """Answers runs; thread-safe."""

    def __init__(
        self,
        *,
        embedder: Embedder,
        explainer: Explainer,
        cache: WorkerCache,
        catalog: Catalog,
        pages: RankedPages,
        catalog_timeout_s: float,
        model_name: str,
        model_fingerprint: str,
        public_url: str | None,
        has_thumbnails: bool,
    ) -> None:
        self._public_url = public_url
        self._has_thumbnails = has_thumbnails
        self._embedder = embedder
        self._explainer = explainer
        self._cache = cache
        self._catalog = catalog
        self._pages = pages
        self._facets = FacetCounter(catalog)
        self._catalog_timeout_s = catalog_timeout_s
        self._breaker = CircuitBreaker()
        self._model_name = model_name
        self._model_fingerprint = model_fingerprint

    def answer(self, lease: Lease) -> Answer:
        """Answer the leased run.

        Raises:
            RunCanceled: the lease of the run was lost before the embedding, before the search, or while the
                words of explanations were embedded.
            UnknownQueryVersion: only a worker of a later release can answer the run.
            CoverSearchError: the run must fail with this error.
        """
        claim = lease.claim
        query = query_from_json(claim.query)
        query_key, model = claim.query_key, self._embedder.fingerprint
        stopwatch = Stopwatch(claim)
        cached = claim.cached
        if cached is None:
            cached = self._cache.entries(query_key, model=model, contents=claim.contents)
        found = CacheLookup.of(cached, contents=claim.contents)
        if found.result is not None:
            # An identical query's result was cached after the gateway had checked the cache for this query.
            return Answer(result=found.result, timings=stopwatch.timings(), from_cache=True)
        embeddings = RunEmbeddings(found.embeddings)
        versions: set[str | None] = set()
        try:
            matches, addends, rankings = self._search(query, embeddings, lease, stopwatch, versions)
            facets = self._count_facets(query, matches, lease, stopwatch, versions)
            explanations = self._explanations(query, matches, addends, lease, stopwatch)
        except Exception:
            # Embeddings are cached so that a retry, or a query with the same image and other filters, can
            # reuse them.
            self._cache.put(self._cache.embedding_entries(model, embeddings.made))
            raise
        timings = stopwatch.timings()
        result = result_json(
            matches,
            query=query,
            model=self._model_name,
            timings=timings,
            truncated=self._embedder.truncates(query),
            public_url=self._public_url,
            has_thumbnails=self._has_thumbnails,
            explanations=explanations,
            facets=facets,
        )
        made = self._cache.embedding_entries(model, embeddings.made)
        # The catalog may have changed since the gateway computed the query key, or between two catalog calls
        # of this run.
        matches_key = {self._made_from(version) for version in versions} == {claim.made_from}
        kept = (self._cache.result_entry(query_key, result),) if matches_key else ()
        return Answer(result, timings, entries=(*made, *rankings, *kept), matches_key=matches_key)

    def _made_from(self, version: str | None) -> str:
        return made_from(model=self._model_fingerprint, version=version, has_thumbnails=self._has_thumbnails)

    def _search(
        self,
        query: SearchQuery,
        embeddings: RunEmbeddings,
        lease: Lease,
        stopwatch: Stopwatch,
        versions: set[str | None],
    ) -> tuple[Matches, Addends | None, tuple[Entry, ...]]:
        """Search the catalog, and add to `versions` each catalog version that was read.

        The query's addends and the cache entry of its ranking are returned with the matches. The addends are
        None if the query is one album.
        """
        lease.check()
        addends: Addends | None = None
        if query.type == "album":
            search = self._similar_albums(query)
        else:
            addends = self._embed(query, embeddings, lease, stopwatch, versions)
            lease.check()
            search = self._nearest_albums(query, addends.sum(axis=0).astype(np.float32))
        if stopwatch.remaining_s() <= 0:
            raise DeadlineExceeded("the deadline passed before the catalog was searched")
        matches, entries = self._pages.read(
            query,
            lambda known, scans: self._ask(lambda: search(known=known), lease, stopwatch, scans=scans),
            claim=lease.claim,
            wait_s=lambda: self._scan_wait_s(stopwatch),
        )
        versions.add(matches.version)
        return matches, addends, entries

    def _scan_wait_s(self, stopwatch: Stopwatch) -> float:
        """Return the seconds for which a search may wait for a scan."""
        return stopwatch.remaining_s() - self._catalog_timeout_s

    def _similar_albums(self, query: SearchQuery) -> Callable[..., Matches]:
        """Return the search for the albums that are similar to the query's only album."""
        return partial(
            self._catalog.similar,
            query.album_ids[0],
            k=query.k,
            filters=query.filters,
            offset=query.offset,
            min_similarity=query.min_similarity,
            details=bool(query.include),
            with_embeddings=query.explain,
        )

    def _nearest_albums(
        self, query: SearchQuery, embedding: npt.NDArray[np.float32]
    ) -> Callable[..., Matches]:
        """Return the search for the albums that are nearest to the query's embedding."""
        return partial(
            self._catalog.search,
            embedding,
            k=query.k,
            filters=query.filters,
            offset=query.offset,
            min_similarity=query.min_similarity,
            details=bool(query.include),
            exclude_ids=query.album_ids,
            # The catalog's model may have changed after this worker started.
            model_fingerprint=self._model_fingerprint,
            named=query.only_text,
            with_embeddings=query.explain,
        )

    def _explanations(
        self,
        query: SearchQuery,
        matches: Matches,
        addends: Addends | None,
        lease: Lease,
        stopwatch: Stopwatch,
    ) -> list[Explanation] | None:
        if not query.explain:
            return None
        with stopwatch.stage("search"):
            return self._explainer.explain(
                matches, addends, timeout_s=stopwatch.remaining_s(), check=lease.check
            )

    def _count_facets(
        self,
        query: SearchQuery,
        matches: Matches,
        lease: Lease,
        stopwatch: Stopwatch,
        versions: set[str | None],
    ) -> Facets | None:
        """Count the facets if the query asks for them, and add the version of the counts to `versions`."""
        if not query.facets:
            return None
        filters, version = query.filters, matches.version
        scans = self._facets.may_scan(filters, version=version)
        turn = self._pages.scan_turn(wait_s=self._scan_wait_s(stopwatch)) if scans else nullcontext()
        with turn:
            facets = self._ask(
                lambda: self._facets.count(filters, version=version), lease, stopwatch, scans=scans
            )
        versions.add(facets.version)
        return facets

    def _embed(
        self,
        query: SearchQuery,
        embeddings: RunEmbeddings,
        lease: Lease,
        stopwatch: Stopwatch,
        versions: set[str | None],
    ) -> Addends:
        albums = self._album_embeddings(query, lease, stopwatch, versions)
        addends = np.empty((len(query.parts), self._embedder.dimension), dtype=np.float64)
        # Only the ratios of the weights matter: tiny weights must not look like parts that cancel out.
        largest = max(abs(part.weight) for part in query.parts)
        for index, part in enumerate(query.parts):
            match part:
                case TextPart(text, weight):
                    vector = self._embedder.text(text, embeddings, stopwatch)
                case ImagePart(digest, weight):
                    # If a query has a single image, errors about it name the parameter `file`, in both forms
                    # and JSON.
                    with image_given_as("file" if query.type == "image" else f"parts.{index}.image"):
                        vector = self._embedder.image(digest, embeddings, lease, stopwatch)
                case AlbumPart(album_id, weight):
                    vector = albums[album_id]
            addends[index] = weight / largest * vector.astype(np.float64)
        length = float(np.linalg.norm(addends.sum(axis=0)))
        if length < MIN_LENGTH:
            raise InvalidParameter("the parts of the query cancel each other out", parameter="parts")
        return addends / length

    def _album_embeddings(
        self, query: SearchQuery, lease: Lease, stopwatch: Stopwatch, versions: set[str | None]
    ) -> Mapping[str, npt.NDArray[np.float32]]:
        if not query.album_ids:
            return {}
        found = self._ask(lambda: self._catalog.embeddings(query.album_ids), lease, stopwatch)
        versions.add(found.version)
        for album_id in query.album_ids:
            if album_id not in found:
                raise AlbumNotFound(f"no album {album_id}")
        return found

    def _ask(self, call: Callable[[], T], lease: Lease, stopwatch: Stopwatch, *, scans: bool = False) -> T:
        """Call the catalog; retry while the run is leased and an attempt can end before the deadline.

        `scans` tells whether the call may scan all albums that meet the filters.
        """

        def ask_once() -> T:
            lease.check()
            try:
                return self._breaker.call(call, is_costly=scans)
            except CatalogTimeout as error:
                if scans:
                    raise ScanTimeout(error.detail) from error
                raise

        with stopwatch.stage("search"):
            return retry_transient(ask_once, within_s=stopwatch.remaining_s(), try_s=self._catalog_timeout_s)
