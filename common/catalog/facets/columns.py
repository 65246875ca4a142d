"""Columns of albums in memory, in which the albums are counted by the values of each filter."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from common.filters import Filters
from common.genres import genre_key

Mask = npt.NDArray[np.bool_]

#: The value that stands for an unknown year.
UNKNOWN_YEAR = np.iinfo(np.int32).min
_YEARS_OF_DECADE = 10
#: The last band of scores, from 9 to 10, contains the score 10. A table's owner can store a score outside 0
#: to 10 by SQL; such a score counts in the nearest band if it is finite.
_LAST_BAND = 9


@dataclass(frozen=True, slots=True)
class AlbumGroup:
    """The albums with the same genres, main colour and best new music."""

    genre_keys: tuple[str, ...]
    best_new_music: bool
    colour: str | None


class FacetColumns:
    """The columns of some albums in one version of the catalog."""

    def __init__(
        self,
        *,
        version: str | None,
        groups: Sequence[AlbumGroup],
        group_of_album: npt.NDArray[np.intp],
        years: npt.NDArray[np.int32],
        scores: npt.NDArray[np.float64],
    ) -> None:
        """Take for each album the index of its group, its year (or `UNKNOWN_YEAR`) and its score (or NaN)."""
        self.version = version
        self._groups = groups
        self._group_of_album = group_of_album
        self._years = years
        self._scores = scores
        self._best = self._spread([group.best_new_music for group in groups])
        self._decades = years // _YEARS_OF_DECADE * _YEARS_OF_DECADE
        self._bands = np.clip(np.floor(scores), 0, _LAST_BAND)

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
        has_year = self._years != UNKNOWN_YEAR
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
                passing &= (self._years <= filters.year_max) & (self._years != UNKNOWN_YEAR)
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


def _value_counts(values: npt.NDArray[Any], *, unknown: int) -> tuple[tuple[int | None, int], ...]:
    """Return each value with its number, in order, and then the number of unknown values."""
    found, counts = np.unique(values, return_counts=True)
    pairs = tuple((int(value), int(count)) for value, count in zip(found, counts, strict=True))
    return (*pairs, (None, unknown)) if unknown else pairs


def _most_frequent_first(pairs: Iterable[tuple[str | None, int]]) -> tuple[tuple[str | None, int], ...]:
    counted = [(name, count) for name, count in pairs if count]
    return tuple(sorted(counted, key=lambda pair: (-pair[1], pair[0] is None, pair[0] or "")))
