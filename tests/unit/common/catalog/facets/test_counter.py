"""Facets count albums by value, and a facet ignores the filter of its own name."""

import dataclasses

import pytest

from common.catalog.facets.counter import FacetCounter
from common.colours.cells import cell_of
from common.filters import Filters
from tests.unit.common.catalog.facets.catalog_in_memory import Catalog


def counter() -> FacetCounter:
    return FacetCounter(Catalog())


def test_every_album_is_counted_by_every_value() -> None:
    facets = counter().count(Filters(), version="1")

    assert facets.total == 6
    assert facets.genres == (("Rock", 4), ("Jazz", 1), ("Live", 1), (None, 1))
    assert facets.decades == ((1990, 3), (2000, 2), (None, 1))
    assert facets.scores == ((0, 1), (7, 1), (8, 1), (9, 2), (None, 1))
    assert (facets.best_new_music, facets.not_best_new_music) == (3, 3)
    assert facets.colours == (("red", 4), ("blue", 1), (None, 1))


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        (Filters(genres=("ROCK",)), 4),
        (Filters(genres=("Live", "Jazz")), 2),
        (Filters(year_min=1999), 3),
        (Filters(year_max=1999), 3),
        (Filters(year_min=1995, year_max=2000), 2),
        (Filters(min_score=7.3), 4),
        (Filters(min_score=0), 5),
        (Filters(best_new_music=True), 3),
        (Filters(genres=("Rock",), year_max=1994, min_score=9), 1),
        (Filters(genres=("Unknown",)), 0),
    ],
)
def test_the_total_counts_albums_that_meet_all_filters(filters: Filters, total: int) -> None:
    assert counter().count(filters, version="1").total == total


def test_a_facet_ignores_its_own_filter_only() -> None:
    filters = Filters(genres=("Rock",), year_max=1994, min_score=9, best_new_music=True)

    facets = counter().count(filters, version="1")

    assert facets.total == 1
    assert facets.genres == (("Rock", 1),)
    assert facets.decades == ((1990, 2),)
    assert facets.scores == ((9, 1),)
    assert (facets.best_new_music, facets.not_best_new_music) == (1, 0)
    assert facets.colours == (("red", 1),)


def test_an_empty_catalog_has_no_counts() -> None:
    facets = FacetCounter(Catalog(empty=True)).count(Filters(genres=("Rock",)), version="1")

    assert dataclasses.astuple(facets) == (0, (), (), (), 0, 0, (), "1")


def test_a_colour_is_left_to_the_database_and_ignored_by_its_own_facet() -> None:
    catalog = Catalog()

    FacetCounter(catalog).count(Filters(genres=("Rock",), color="#ff0000"), version="1")

    assert catalog.selections == [Filters(color="#ff0000"), Filters()]


def test_colours_of_one_cell_share_their_columns() -> None:
    catalog = Catalog()
    counter = FacetCounter(catalog)

    for colour in ("#d7262d", "#d7262e"):
        counter.count(Filters(color=colour), version="1")

    assert cell_of("#d7262d") == cell_of("#d7262e")
    assert catalog.selections == [Filters(color="#d7262d"), Filters()]


def test_spellings_of_an_artist_share_their_columns() -> None:
    catalog = Catalog()
    counter = FacetCounter(catalog)

    for artists in (("Radiohead", "ABBA"), ("abba", " RADIOHEAD "), ("Radiohead",)):
        counter.count(Filters(artists=artists), version="1")

    assert [selection.artists for selection in catalog.selections] == [("Radiohead", "ABBA"), ("Radiohead",)]
