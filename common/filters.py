"""The filters of a search: conditions on albums, their JSON form, and their form in the query key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidParameter
from common.genres import genre_key

YEAR_MIN, YEAR_MAX = 1000, 9999


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that every result meets; bounds are inclusive, and an album needs only one of the genres."""

    genres: tuple[str, ...] = ()
    year_min: int | None = None
    year_max: int | None = None
    min_score: float | None = None
    best_new_music: bool = False

    def __post_init__(self) -> None:
        """Raise `InvalidParameter` if the range of years is empty."""
        if self.year_min is not None and self.year_max is not None and self.year_min > self.year_max:
            raise InvalidParameter(
                f"year_min {self.year_min} is after year_max {self.year_max}", parameter="year_min"
            )


def filters_document(filters: Filters) -> dict[str, object]:
    """Return the filters as JSON values, as they appear in a job."""
    return {
        "genre": list(filters.genres),
        "year_min": filters.year_min,
        "year_max": filters.year_max,
        "min_score": filters.min_score,
        "best_new_music": filters.best_new_music,
    }


def filters_from_document(document: Mapping[str, Any]) -> Filters:
    """Return the filters that a JSON document describes.

    Raises:
        KeyError, TypeError, InvalidParameter: the document does not contain valid filters.
    """
    return Filters(
        genres=tuple(document["genre"]),
        year_min=document["year_min"],
        year_max=document["year_max"],
        min_score=document["min_score"],
        best_new_music=document["best_new_music"],
    )


def canonical_filters(filters: Filters) -> dict[str, object]:
    """Return the filters for the query key, with the genres sorted and in normalized spelling."""
    return {
        **filters_document(filters),
        "genre": sorted({genre_key(name) for name in filters.genres}),
    }
