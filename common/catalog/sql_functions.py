"""Implements the catalog's methods with SQL functions; subclasses define how the functions are called."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from common.catalog import row_mapping
from common.catalog.errors import misconfigured
from common.catalog.facets.columns import FacetColumns, GenreNames
from common.catalog.facets.parse_sql_result import columns_from_document
from common.catalog.print_documents import prints_from_document
from common.catalog.protocol import (
    BEFORE_FIRST,
    EMBEDDING_DIMENSION,
    Album,
    AlbumPage,
    CatalogStats,
    Embeddings,
    Matches,
    ModelStamp,
    NamePosition,
    Prints,
)
from common.catalog.ranking import Ranking
from common.errors import AlbumNotFound, CatalogMisconfigured, CatalogReplaced
from common.filters import Filters
from common.prints import PRINT_VERSION
from common.search_query import K_MAX

_EMBEDDING_TYPE = f"vector({EMBEDDING_DIMENSION})"


class FunctionCatalog(ABC):
    """A catalog that calls SQL functions by name; a subclass sends the calls to the database.

    A call that read the albums before another transaction replaced them is repeated once.
    """

    #: The version of the catalog at the last search with embeddings, and the mean embedding of this version.
    #: The database samples the covers for the mean again only if the version has changed.
    _mean: tuple[str | None, npt.NDArray[np.float32] | None] = (None, None)

    @abstractmethod
    def _call_for_rows(self, function: str, arguments: Mapping[str, object]) -> list[row_mapping.Row]:
        """Call a SQL function that returns a table."""

    @abstractmethod
    def _call_for_document(self, function: str, arguments: Mapping[str, object]) -> Any:
        """Call a SQL function that returns one value."""

    def _rows(self, function: str, arguments: Mapping[str, object]) -> list[row_mapping.Row]:
        try:
            return self._call_for_rows(function, arguments)
        except CatalogReplaced:
            return self._call_for_rows(function, arguments)

    def _document(self, function: str, arguments: Mapping[str, object]) -> Any:
        try:
            return self._call_for_document(function, arguments)
        except CatalogReplaced:
            return self._call_for_document(function, arguments)

    def _vector(self, embedding: npt.NDArray[np.float32]) -> object:
        """Return an embedding of shape (512,) as an argument for `_rows` and `_document`."""
        return row_mapping.vector_literal(embedding)

    @abstractmethod
    def close(self) -> None: ...

    def search(
        self,
        embedding: npt.NDArray[np.float32],
        *,
        k: int,
        filters: Filters,
        offset: int = 0,
        min_similarity: float | None = None,
        details: bool = False,
        exclude_ids: Sequence[str] = (),
        model_fingerprint: str | None = None,
        named: str | None = None,
        with_embeddings: bool = False,
        known: Ranking | None = None,
    ) -> Matches:
        arguments = {"query_embedding": self._vector(embedding)} | row_mapping.page_arguments(
            k=k, filters=filters, offset=offset, min_similarity=min_similarity, details=details, known=known
        )
        if exclude_ids:
            arguments["exclude_ids"] = list(exclude_ids)
        if model_fingerprint is not None:
            arguments["model_fingerprint"] = model_fingerprint
        if named is not None:
            arguments["named_query"] = named
        return self._matches("versioned_search", arguments, with_embeddings=with_embeddings)

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
        known: Ranking | None = None,
    ) -> Matches:
        arguments = {"album_id": album_id} | row_mapping.page_arguments(
            k=k, filters=filters, offset=offset, min_similarity=min_similarity, details=details, known=known
        )
        return self._matches("versioned_similar", arguments, with_embeddings=with_embeddings)

    def _matches(self, function: str, arguments: dict[str, object], *, with_embeddings: bool) -> Matches:
        arguments["with_ranking"] = True
        # Another thread may replace `self._mean` during the call.
        known_version, known_mean = self._mean
        if with_embeddings:
            arguments["with_embeddings"] = True
            if known_version is not None:
                arguments["known_sample"] = known_version
        document = self._document(function, arguments)
        matches = row_mapping.matches_from_document(document, known_mean=known_mean)
        if matches.embeddings is not None:
            self._mean = matches.version, matches.embeddings.mean
        return matches

    def album(self, album_id: str) -> Album:
        rows = self._rows("albums_by_id", {"album_ids": [album_id]})
        if not rows:
            raise AlbumNotFound(f"no album has the id {album_id}")
        return row_mapping.album_from_row(rows[0])

    def embeddings(self, album_ids: Sequence[str]) -> Embeddings:
        arguments = {"album_ids": list(dict.fromkeys(album_ids))}
        return row_mapping.embeddings_from_document(self._document("versioned_embeddings", arguments))

    def prints(self, album_ids: Sequence[str]) -> Prints:
        arguments = {"album_ids": list(dict.fromkeys(album_ids)), "wanted_version": PRINT_VERSION}
        return prints_from_document(self._document("album_prints", arguments))

    def find_albums(self, query: str | None, *, limit: int, after: NamePosition = BEFORE_FIRST) -> AlbumPage:
        arguments = {"match_count": limit, **row_mapping.position_arguments(after)}
        if query is not None:
            arguments["query"] = query
        return row_mapping.page_from_document(self._document("find_albums", arguments))

    def genres(self) -> list[str]:
        return list(self._document("album_genres", {}))

    def stats(self) -> CatalogStats:
        return row_mapping.stats_from_document(self._document("album_stats", {}))

    def facet_columns(self, filters: Filters) -> FacetColumns:
        arguments = row_mapping.filter_arguments(filters)
        return columns_from_document(self._document("facet_columns", arguments))

    def genre_names(self) -> GenreNames:
        return GenreNames(**self._document("genre_names", {}))

    def model_stamp(self) -> ModelStamp | None:
        return row_mapping.stamp_from_document(self._document("catalog_stamp", {}))

    def version(self) -> str | None:
        version: str | None = self._document("catalog_version", {})
        return version

    def warnings(self) -> list[CatalogMisconfigured]:
        found = []
        if self.version() is None:
            found.append(misconfigured("changes_untracked"))
        rows = len(self._rows("row_limit_probe", {"wanted": K_MAX}))
        if rows < K_MAX:
            found.append(misconfigured("rows_capped", found=f"{rows} of {K_MAX} rows came"))
        return found

    def check(self) -> None:
        found = self._document("catalog_check", {})
        if found["pgvector"] is None:
            raise misconfigured("pgvector_missing")
        if not found["table"] or found["embedding"] is None:
            raise misconfigured("table_missing")
        if found["embedding"] != _EMBEDDING_TYPE:
            raise misconfigured("wrong_dimension", found=f"album_covers.embedding is {found['embedding']}")
        if found["functions_missing"]:
            raise misconfigured("rpc_missing", found=", ".join(found["functions_missing"]))
