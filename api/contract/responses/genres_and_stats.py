"""Models of the catalog's genres and statistics."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.contract.responses.shared_schema import Count, with_example

STATS_EXAMPLE: dict[str, Any] = {
    "total_albums": 15000,
    "top_genres": [{"genre": "Rock", "count": 4500}],
    "year_range": {"min": 1967, "max": 2024},
    "pitchfork_scores": {"average": 7.2, "min": 0.0, "max": 10.0, "best_new_music_count": 1200},
    "albums_without_palette": 0,
}


class Genres(BaseModel):
    """The sorted genres of the catalog, which are the values of the filter `genre`."""

    model_config = with_example({"success": True, "total_genres": 2, "genres": ["Electronic", "Rock"]})

    success: Literal[True] = True
    total_genres: Count
    genres: list[str]


class GenreCount(BaseModel):
    """A genre and the number of its albums."""

    model_config = with_example(STATS_EXAMPLE["top_genres"][0])

    genre: str
    count: Count


class YearRange(BaseModel):
    """The earliest and the latest release year in the catalog."""

    model_config = with_example(STATS_EXAMPLE["year_range"])

    min: int | None
    max: int | None


class Scores(BaseModel):
    """Statistics of the Pitchfork scores."""

    model_config = with_example(STATS_EXAMPLE["pitchfork_scores"])

    average: float | None
    min: float | None
    max: float | None
    best_new_music_count: Count


class Stats(BaseModel):
    """Statistics of the catalog."""

    model_config = with_example(STATS_EXAMPLE)

    total_albums: Count
    top_genres: list[GenreCount]
    year_range: YearRange
    pitchfork_scores: Scores
    albums_without_palette: Annotated[
        int,
        Field(ge=0, description="Albums that the filter `color` never finds, because no palette is known."),
    ]
