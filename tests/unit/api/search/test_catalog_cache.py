"""A client's spelling of a genre is mapped to the catalog's spelling."""

import pytest

from api.search.catalog_cache import Genres
from common.errors import InvalidParameter
from common.filters import Filters
from common.search_query import SearchQuery, TextPart


def asked(*genres: str) -> SearchQuery:
    return SearchQuery((TextPart("red"),), Filters(genres=genres))


def test_genres_take_the_catalogs_spelling_without_duplicates() -> None:
    genres = Genres.of(["Rock", "Électro Pop"])

    assert genres.spell(asked("ROCK", "électro  pop", "rock")) == asked("Rock", "Électro Pop")


def test_a_genre_expands_to_every_spelling_in_the_catalog() -> None:
    genres = Genres.of(["Jazz", "ROCK", "Rock", "rock"])

    assert genres.spell(asked("rOCK")) == asked("ROCK", "Rock", "rock")


def test_a_query_with_the_catalogs_spelling_is_returned_unchanged() -> None:
    query = asked("Rock")

    assert Genres.of(["Rock"]).spell(query) is query


def test_an_unknown_genre_is_refused_by_name() -> None:
    with pytest.raises(InvalidParameter, match="no genre Polka"):
        Genres.of(["Rock"]).spell(asked("rock", "Polka"))
