"""Counts albums by genre, decade, score band, best new music and main colour, for any filters.

The columns that the counts need are read from the catalog once for each version of the catalog and kept in
memory, where counting 150,000 albums takes a few milliseconds. SQL would take 80 to 220 ms for each set of
filters (docs/decisions/0031-facets-from-columns-in-memory.md).
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt
import orjson

from common.colours.cells import cell_of
from common.colours.names import SHADES
from common.filters import Filters, canonical_filters
from common.genres import genre_key

Mask = npt.NDArray[np.bool_]
Read = TypeVar("Read", "FacetColumns", "GenreNames")

#: The maximum number of column sets that a `FacetCounter` keeps. Each filter that only the database can
#: apply, such as a colour, has a set of its own.
SELECTIONS_KEPT = 1000
#: The maximum number of albums in all these sets together; 150,000 albums take 5 MB.
ALBUMS_KEPT = 1_000_000
#: The number of values that a request needs: the columns of its albums and of all colours, and the names of
#: genres. They are kept whatever their size.
_VALUES_NEEDED = 3
_YEARS_OF_DECADE = 10
#: The last band of scores, from 9 to 10, contains the score 10. A table's owner can store a score outside 0
#: to 10 by SQL; such a score counts in the nearest band if it is finite.
_LAST_BAND = 9
#: The value that stands for an unknown year or score in the document of `facet_columns`.
_UNKNOWN = np.iinfo(np.int32).min


@dataclass(frozen=True, slots=True)
class Facets:
    """The numbers of albums by value; None stands for albums without a value.

    The counts of a facet ignore the facet's own filter, so that they tell how many albums another value of
    this filter would find.
    """

    #: The number of albums that meet all filters.
    total: int
    #: The number of albums of each genre, the most frequent genre first; an album counts in all its genres.
    genres: tuple[tuple[str | None, int], ...]
    #: The number of albums of each decade, given by its first year, in order.
    decades: tuple[tuple[int | None, int], ...]
    #: The number of albums with each whole part of the score, in order; 9 includes the score 10.
    scores: tuple[tuple[int | None, int], ...]
    best_new_music: int
    not_best_new_music: int
    #: The number of albums with each main colour, the most frequent colour first.
    colours: tuple[tuple[str | None, int], ...]
    #: The catalog's version in the snapshot that was counted; None if the catalog has no version.
    version: str | None = None


def facets_document(facets: Facets) -> dict[str, Any]:
    """Return the counts as the HTTP API shows them."""
    return {
        "total_albums": facets.total,
        "genres": [{"genre": genre, "count": count} for genre, count in facets.genres],
        "decades": [{"decade": decade, "count": count} for decade, count in facets.decades],
        "scores": [{"score": score, "count": count} for score, count in facets.scores],
        "best_new_music": [
            {"best_new_music": True, "count": facets.best_new_music},
            {"best_new_music": False, "count": facets.not_best_new_music},
        ],
        "colors": [
            {"color": name, "hex": SHADES[name][0] if name in SHADES else None, "count": count}
            for name, count in facets.colours
        ],
    }


@dataclass(frozen=True, slots=True)
class _Group:
    """The albums with the same genres, main colour and best new music."""

    genre_keys: tuple[str, ...]
    best_new_music: bool
    colour: str | None


class FacetColumns:
    """The columns of some albums in one version of the catalog."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read the document that the SQL function `facet_columns` returns."""
        self.version: str | None = document["version"]
        rows = document["groups"]
        self._groups = [
            _Group(tuple(key for key in keys if key), best, colour) for keys, best, colour, _, _ in rows
        ]
        years = [_numbers(row[3]) for row in rows]
        self._years = _joined(years).astype(np.int32)
        scores = _joined([_numbers(row[4]) for row in rows])
        self._scores = np.where(scores == _UNKNOWN, np.nan, scores)
        self._group_of_album = np.repeat(np.arange(len(rows)), [len(each) for each in years])
        self._best = self._spread([group.best_new_music for group in self._groups])
        self._decades = self._years // _YEARS_OF_DECADE * _YEARS_OF_DECADE
        self._bands = np.clip(np.floor(self._scores), 0, _LAST_BAND)

    def __len__(self) -> int:
        return len(self._years)

    def genres(self, filters: Filters, names: Mapping[str, str]) -> tuple[tuple[str | None, int], ...]:
        """Count by genre the albums that meet all filters except the filter by genre.

        `names` contains the most frequent spelling of each genre by its key.
        """
        counts = self._group_counts(filters, ignoring="genre")
        albums: dict[str | None, int] = {}
        for group, count in zip(self._groups, counts, strict=True):
            for key in group.genre_keys or (None,):
                albums[key] = albums.get(key, 0) + count
        return _most_frequent_first((key and names.get(key, key), count) for key, count in albums.items())

    def colours(self, filters: Filters) -> tuple[tuple[str | None, int], ...]:
        """Count the albums by main colour; the columns must include albums of all colours."""
        albums: dict[str | None, int] = {}
        for group, count in zip(self._groups, self._group_counts(filters), strict=True):
            albums[group.colour] = albums.get(group.colour, 0) + count
        return _most_frequent_first(albums.items())

    def decades(self, filters: Filters) -> tuple[tuple[int | None, int], ...]:
        """Count by decade the albums that meet all filters except the filters by year."""
        passing = self._passing(filters, ignoring="year")
        has_year = self._years != _UNKNOWN
        return _value_counts(self._decades[passing & has_year], unknown=int((passing & ~has_year).sum()))

    def scores(self, filters: Filters) -> tuple[tuple[int | None, int], ...]:
        """Count by score band the albums that meet all filters except the filter by score."""
        passing = self._passing(filters, ignoring="score")
        has_score = ~np.isnan(self._scores)
        return _value_counts(self._bands[passing & has_score], unknown=int((passing & ~has_score).sum()))

    def best_new_music(self, filters: Filters) -> tuple[int, int]:
        """Count the albums with and without best new music that meet all other filters."""
        best = self._best[self._passing(filters, ignoring="best_new_music")]
        return int(best.sum()), int((~best).sum())

    def total(self, filters: Filters) -> int:
        """Count the albums that meet all filters."""
        return int(self._passing(filters).sum())

    def _passing(self, filters: Filters, *, ignoring: str = "") -> Mask:
        passing = np.ones(len(self._years), dtype=np.bool_)
        if filters.genres and ignoring != "genre":
            wanted = {genre_key(name) for name in filters.genres}
            # In some scripts, Python's keys of two spellings are equal although SQL's keys differ.
            passing &= self._spread(
                [not wanted.isdisjoint(map(genre_key, group.genre_keys)) for group in self._groups]
            )
        if ignoring != "year":
            if filters.year_min is not None:
                passing &= self._years >= filters.year_min
            if filters.year_max is not None:
                passing &= (self._years <= filters.year_max) & (self._years != _UNKNOWN)
        if filters.min_score is not None and ignoring != "score":
            passing &= self._scores >= filters.min_score
        if filters.best_new_music and ignoring != "best_new_music":
            passing &= self._best
        return passing

    def _group_counts(self, filters: Filters, *, ignoring: str = "") -> list[int]:
        of_passing = self._group_of_album[self._passing(filters, ignoring=ignoring)]
        return [int(count) for count in np.bincount(of_passing, minlength=len(self._groups))]

    def _spread(self, of_group: list[bool]) -> Mask:
        """Return for each album the value of its group."""
        return np.array(of_group, dtype=np.bool_)[self._group_of_album]


@dataclass(frozen=True, slots=True)
class GenreNames:
    """The most frequent spelling of each genre by its key, in one version of the catalog."""

    names: Mapping[str, str]
    version: str | None


class FacetCatalog(Protocol):
    """The methods of a catalog that a `FacetCounter` calls."""

    def facet_columns(self, filters: Filters) -> FacetColumns: ...

    def genre_names(self) -> GenreNames: ...


@dataclass(slots=True)
class _Kept:
    """A value that was read from the catalog, and the version that was current before it was read."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    version: str | None = None
    value: FacetColumns | GenreNames | None = None

    def belongs_to(self, version: str | None) -> bool:
        """Return whether the value is surely from this version of the catalog."""
        read_from = None if self.value is None else self.value.version
        return version is not None and version in {self.version, read_from}

    @property
    def albums(self) -> int:
        """The number of albums whose columns are kept."""
        return len(self.value) if isinstance(self.value, FacetColumns) else 0


class FacetCounter:
    """Counts albums, and keeps the columns of the catalog's latest version; thread-safe."""

    def __init__(self, catalog: FacetCatalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        #: The values that were read, in the order of their last use.
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def count(self, filters: Filters, *, version: str | None) -> Facets:
        """Count the albums; `version` is the catalog's current version, None if it is unknown.

        Raises:
            CatalogUnavailable, CatalogMisconfigured: the columns could not be read.
        """
        selection = _for_database(filters)
        columns = self._columns(selection, version)
        of_all_colours = self._columns(replace(selection, color=None), version) if filters.color else columns
        names = self._read("names", self._catalog.genre_names, version)
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
            reads_all_albums(each) and not self._has(each, version)
            for each in (selection, replace(selection, color=None))
        )

    def _has(self, selection: Filters, version: str | None) -> bool:
        with self._lock:
            kept = self._kept.get(_name_of(selection))
        return kept is not None and kept.value is not None and kept.belongs_to(version)

    def _columns(self, selection: Filters, version: str | None) -> FacetColumns:
        return self._read(_name_of(selection), lambda: self._catalog.facet_columns(selection), version)

    def _read(self, name: str, read: Callable[[], Read], version: str | None) -> Read:
        """Return the kept value of this name if it belongs to the version, otherwise read it."""
        kept = self._kept_as(name)
        # The lock is held while the value is read, so that concurrent requests read it once. Each value has a
        # lock of its own, so that these requests do not delay requests for other values.
        with kept.lock:
            value = cast("Read | None", kept.value)
            if value is None or not kept.belongs_to(version):
                value = read()
                kept.version, kept.value = version, value
                self._forget_oldest()
            return value

    def _kept_as(self, name: str) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(name, _Kept())
            self._kept.move_to_end(name)
            # The number is limited before the value is read, because the catalog may not answer.
            while len(self._kept) > SELECTIONS_KEPT:
                self._kept.popitem(last=False)
            return kept

    def _forget_oldest(self) -> None:
        with self._lock:
            albums = sum(kept.albums for kept in self._kept.values())
            while len(self._kept) > _VALUES_NEEDED and albums > ALBUMS_KEPT:
                _, oldest = self._kept.popitem(last=False)
                albums -= oldest.albums


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


def _numbers(array: str) -> npt.NDArray[np.float64]:
    """Read PostgreSQL's text form of an array of numbers, such as `{1,2}`."""
    try:
        return np.array(orjson.loads(f"[{array[1:-1]}]"), dtype=np.float64)
    except orjson.JSONDecodeError:
        # The schema of an earlier release returns scores that are infinite or too large for a float.
        return np.array([float(number) for number in array[1:-1].split(",")], dtype=np.float64)


def _joined(arrays: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return np.concatenate(arrays) if arrays else np.empty(0)


def _value_counts(values: npt.NDArray[Any], *, unknown: int) -> tuple[tuple[int | None, int], ...]:
    """Return each value with its number, in order, and then the number of unknown values."""
    found, counts = np.unique(values, return_counts=True)
    pairs = tuple((int(value), int(count)) for value, count in zip(found, counts, strict=True))
    return (*pairs, (None, unknown)) if unknown else pairs


def _most_frequent_first(pairs: Iterable[tuple[str | None, int]]) -> tuple[tuple[str | None, int], ...]:
    counted = [(name, count) for name, count in pairs if count]
    return tuple(sorted(counted, key=lambda pair: (-pair[1], pair[0] is None, pair[0] or "")))
