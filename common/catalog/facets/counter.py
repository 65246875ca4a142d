"""Counts albums for the filters of a request, in columns that are read from the catalog and kept."""

import hashlib
from dataclasses import replace
from typing import Protocol

import orjson

from common.catalog.facets.column_cache import ColumnCache
from common.catalog.facets.columns import FacetColumns, GenreNames
from common.catalog.facets.counts import Facets
from common.colours.cells import cell_of
from common.filters import Filters, canonical_filters


class FacetCatalog(Protocol):
    """The methods of a catalog that a `FacetCounter` calls."""

    def facet_columns(self, filters: Filters) -> FacetColumns: ...

    def genre_names(self) -> GenreNames: ...


class FacetCounter:
    """Counts albums, and keeps the columns of the catalog's latest version; thread-safe."""

    def __init__(self, catalog: FacetCatalog) -> None:
        self._catalog = catalog
        self._cache = ColumnCache()

    def count(self, filters: Filters, *, version: str | None) -> Facets:
        """Count the albums; `version` is the catalog's current version, None if it is unknown.

        Raises:
            CatalogUnavailable, CatalogMisconfigured: the columns could not be read.
        """
        selection = _for_database(filters)
        columns = self._columns(selection, version)
        of_all_colours = self._columns(replace(selection, color=None), version) if filters.color else columns
        names = self._cache.get_or_read("names", self._catalog.genre_names, version=version)
        best, not_best = columns.best_new_music(filters)
        return Facets(
            total=columns.total(filters),
            genres=columns.genres(filters, names.names),
            decades=columns.decades(filters),
            scores=columns.scores(filters),
            best_new_music=best,
            not_best_new_music=not_best,
            colours=of_all_colours.colours(filters),
            # Counts of several versions have no version, so that they are not cached.
            version=columns.version if columns.version == of_all_colours.version == names.version else None,
        )

    def may_scan(self, filters: Filters, *, version: str | None) -> bool:
        """Return whether `count` may have to scan all albums, because it does not have their columns."""
        selection = _for_database(filters)
        return any(
            reads_all_albums(each) and not self._cache.has(_name_of(each), version=version)
            for each in (selection, replace(selection, color=None))
        )

    def _columns(self, selection: Filters, version: str | None) -> FacetColumns:
        return self._cache.get_or_read(
            _name_of(selection), lambda: self._catalog.facet_columns(selection), version=version
        )


def reads_all_albums(filters: Filters) -> bool:
    """Return whether the columns of the albums that meet the filters are read by a scan of all albums.

    Without a filter that only the database can apply, the columns are read from an index.
    """
    return _for_database(filters) != Filters()


def _name_of(selection: Filters) -> str:
    """Return the name under which a selection's columns are kept."""
    # All colours of one cell find the same albums.
    cell = selection.color and cell_of(selection.color)
    canonical = orjson.dumps(
        [canonical_filters(replace(selection, color=None)), cell], option=orjson.OPT_SORT_KEYS
    )
    # The hash is shorter than the filters, which can have 30 KB.
    return hashlib.sha256(canonical).hexdigest()


def _for_database(filters: Filters) -> Filters:
    """Return the filters that only the database can apply."""
    return replace(filters, genres=(), year_min=None, year_max=None, min_score=None, best_new_music=False)
