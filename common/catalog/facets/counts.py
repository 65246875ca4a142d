"""The numbers of albums by the values of each filter, and their JSON document."""

from dataclasses import dataclass
from typing import Any

from common.colours.names import SHADES


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
