"""Genres as a client spells them, and as the catalog does."""

import pytest

from api.search.catalog_cache import Genres
from common.errors import InvalidParameter
from common.queries import Filters, SearchQuery, TextPart


def asked(*genres: str) -> SearchQuery:
    return SearchQuery((TextPart("red"),), Filters(genres=genres))


def test_a_genre_is_spelled_as_the_catalog_spells_it_and_told_once() -> None:
    genres = Genres.of(["Rock", "Électro Pop"])

    assert genres.spell(asked("ROCK", "électro  pop", "rock")) == asked("Rock", "Électro Pop")


def test_every_spelling_of_a_catalog_that_tells_them_apart_is_asked_for() -> None:
    genres = Genres.of(["Jazz", "ROCK", "Rock", "rock"])

    assert genres.spell(asked("rOCK")) == asked("ROCK", "Rock", "rock")


def test_a_query_that_is_spelled_right_stays_the_same_object() -> None:
    query = asked("Rock")

    assert Genres.of(["Rock"]).spell(query) is query


def test_a_genre_that_no_album_has_is_refused_by_name() -> None:
    with pytest.raises(InvalidParameter, match="no genre Polka"):
        Genres.of(["Rock"]).spell(asked("rock", "Polka"))
