"""The filters of a search: conditions on albums, their JSON form, and their form in the query key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidParameter
from common.genres import genre_key

YEAR_MIN, YEAR_MAX = 1000, 9999


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that every result meets; bounds are inclusive, and one genre or artist is enough."""

    genres: tuple[str, ...] = ()
    year_min: int | None = None
    year_max: int | None = None
    min_score: float | None = None
    best_new_music: bool = False
    artists: tuple[str, ...] = ()
    #: Keys of an album's metadata, sorted, and the value that the album has under each key.
    metadata: tuple[tuple[str, str], ...] = ()
    #: A colour in the form `#rrggbb`, in lower case, that at least a fifth of the cover is near.
    color: str | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidParameter` if the range of years is empty."""
        if self.year_min is not None and self.year_max is not None and self.year_min > self.year_max:
            raise InvalidParameter(
                f"year_min {self.year_min} is after year_max {self.year_max}", parameter="year_min"
            )


def filters_document(filters: Filters) -> dict[str, object]:
    """Return the filters as JSON values, as they appear in a job and as the SQL functions read them.

    Filters that release 0.2.0 does not know are left out if they have no effect. A query with such a
    filter has another wire version.
    """
    document: dict[str, object] = {
        "genre": list(filters.genres),
        "year_min": filters.year_min,
        "year_max": filters.year_max,
        "min_score": filters.min_score,
        "best_new_music": filters.best_new_music,
    }
    if filters.artists:
        document["artist"] = list(filters.artists)
    if filters.metadata:
        document["meta"] = dict(filters.metadata)
    if filters.color is not None:
        document["color"] = filters.color
    return document


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
        artists=tuple(document.get("artist", ())),
        metadata=tuple(sorted(document.get("meta", {}).items())),
        color=document.get("color"),
    )


def canonical_filters(filters: Filters) -> dict[str, object]:
    """Return the filters for the query key, independent of the spelling and order of genres and artists."""
    document = filters_document(filters)
    document["genre"] = sorted({genre_key(name) for name in filters.genres})
    if filters.artists:
        document["artist"] = sorted({_canonical_artist(name) for name in filters.artists})
    return document


def _canonical_artist(name: str) -> str:
    """Return the same text for spellings of an artist that the catalog surely treats as equal."""
    # In some scripts, SQL distinguishes spellings that Python does not. Normalizing 50 names of 500 such
    # characters would also block the event loop for 26 ms, because a character can become 18 characters.
    return genre_key(name) if name.isascii() else name
