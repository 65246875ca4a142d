"""Models of facets, which are numbers of albums by the values of each filter."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.contract.responses.shared_schema import with_example
from common.catalog.facets.counts import Facets, facets_document

FACETS_EXAMPLE: dict[str, Any] = {
    "total_albums": 1200,
    "genres": [{"genre": "Rock", "count": 700}, {"genre": None, "count": 12}],
    "decades": [{"decade": 1990, "count": 400}, {"decade": None, "count": 3}],
    "scores": [{"score": 8, "count": 310}, {"score": None, "count": 1}],
    "best_new_music": [
        {"best_new_music": True, "count": 90},
        {"best_new_music": False, "count": 1110},
    ],
    "colors": [{"color": "red", "hex": "#d7262d", "count": 140}, {"color": None, "hex": None, "count": 5}],
}

AlbumCount = Annotated[int, Field(ge=0, description="The number of albums.")]


class GenreFacet(BaseModel):
    """The number of albums of a genre; `genre` is null for albums without a genre."""

    model_config = with_example(FACETS_EXAMPLE["genres"][0])

    genre: str | None
    count: AlbumCount


class DecadeFacet(BaseModel):
    """The number of albums of a decade, named by its first year, or null for albums without a year."""

    model_config = with_example(FACETS_EXAMPLE["decades"][0])

    decade: int | None
    count: AlbumCount


class ScoreFacet(BaseModel):
    """The number of albums in a score band: 8 means 8.0 to 8.9, 9 means 9.0 to 10, null means no score."""

    model_config = with_example(FACETS_EXAMPLE["scores"][0])

    score: int | None
    count: AlbumCount


class BestNewMusicFacet(BaseModel):
    """The number of albums that are, or are not, Best New Music."""

    model_config = with_example(FACETS_EXAMPLE["best_new_music"][0])

    best_new_music: bool
    count: AlbumCount


class ColorFacet(BaseModel):
    """The number of covers by the name of their main colour; null means that no palette is known."""

    model_config = with_example(FACETS_EXAMPLE["colors"][0])

    color: str | None
    hex: Annotated[
        str | None, Field(description="A typical shade of the named colour, a value of the filter `color`.")
    ]
    count: AlbumCount


class FacetCounts(BaseModel):
    """Counts of albums for each value of a filter; the counts of a facet ignore the facet's own filter."""

    model_config = with_example(FACETS_EXAMPLE)

    total_albums: Annotated[int, Field(ge=0, description="The number of albums that meet all filters.")]
    genres: list[GenreFacet]
    decades: list[DecadeFacet]
    scores: list[ScoreFacet]
    best_new_music: list[BestNewMusicFacet]
    colors: list[ColorFacet]


class FacetsAnswer(FacetCounts):
    """The numbers of albums by the values of each filter."""

    model_config = with_example({"success": True, **FACETS_EXAMPLE})

    success: Literal[True] = True


def facets_answer(facets: Facets) -> FacetsAnswer:
    """Return the counts as the HTTP API shows them."""
    document: Mapping[str, Any] = facets_document(facets)
    return FacetsAnswer.model_validate(document)
