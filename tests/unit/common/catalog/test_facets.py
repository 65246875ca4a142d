"""Facets count albums by value, and a facet ignores the filter of its own name."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.catalog import facets as facets_module
from common.catalog.facets import FacetColumns, FacetCounter, GenreNames, facets_document
from common.colours.cells import cell_of
from common.errors import CatalogUnavailable
from common.filters import Filters

UNKNOWN = -(2**31)
WAIT_S = 30
GROUPS = [
    [["rock"], True, "red", "{1994,1999,2000}", "{9.5,10,8.2}"],
    [["rock", "live"], False, "blue", "{1994}", f"{{{UNKNOWN}}}"],
    [["jazz"], False, "red", f"{{{UNKNOWN}}}", "{7.3}"],
    [[None], False, None, "{2001}", "{0}"],
]


class Catalog:
    """A catalog in memory that records which columns are read."""

    def __init__(self, *, empty: bool = False) -> None:
        self.version: str | None = "1"
        self.selections: list[Filters] = []
        self._empty = empty
        self._lock = threading.Lock()

    def facet_columns(self, filters: Filters) -> FacetColumns:
        with self._lock:
            self.selections.append(filters)
        return FacetColumns({"version": self.version, "groups": [] if self._empty else GROUPS})

    def genre_names(self) -> GenreNames:
        return GenreNames({"rock": "Rock", "live": "Live", "jazz": "Jazz"}, self.version)


class SlowCatalog(Catalog):
    """A catalog that answers a request for the columns of a colour only after `goes_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.reads_a_colour, self.goes_on = threading.Event(), threading.Event()

    def facet_columns(self, filters: Filters) -> FacetColumns:
        if filters.color is not None:
            self.reads_a_colour.set()
            assert self.goes_on.wait(WAIT_S)
        return super().facet_columns(filters)


class SilentCatalog(Catalog):
    """A catalog that does not answer."""

    def facet_columns(self, filters: Filters) -> FacetColumns:
        raise CatalogUnavailable(f"no answer to a request for the columns of {filters}")


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
    ("score", "band"),
    [
        ("-3", 0),
        ("11", 9),
        ("1e30", 9),
        ("Infinity", 9),
        ("-Infinity", 0),
        ("9" * 400, 9),
        ("-" + "9" * 400, 0),
    ],
)
def test_a_score_outside_the_range_counts_in_the_nearest_band(score: str, band: int) -> None:
    columns = FacetColumns(
        {"version": "1", "groups": [[["rock"], False, "red", "{1994,1999}", f"{{5,{score}}}"]]}
    )

    scores = dict(columns.scores(Filters()))

    assert scores == {5: 1, band: 1}
    assert columns.total(Filters(min_score=10)) == (band == 9)


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


def test_the_document_shows_a_shade_of_each_colour() -> None:
    document = facets_document(counter().count(Filters(year_max=1994), version="1"))

    assert document["total_albums"] == 2
    assert [entry["color"] for entry in document["colors"]] == ["blue", "red"]
    assert all(entry["hex"].startswith("#") for entry in document["colors"])


def test_an_empty_catalog_has_no_counts() -> None:
    facets = FacetCounter(Catalog(empty=True)).count(Filters(genres=("Rock",)), version="1")

    assert dataclasses.astuple(facets) == (0, (), (), (), 0, 0, (), "1")


def test_columns_are_loaded_once_for_each_version() -> None:
    catalog = Catalog()
    counter = FacetCounter(catalog)

    for filters in (Filters(), Filters(genres=("Rock",)), Filters(year_min=1990, best_new_music=True)):
        counter.count(filters, version="1")
    assert len(catalog.selections) == 1
    catalog.version = "2"
    facets = counter.count(Filters(), version="2")

    assert len(catalog.selections) == 2
    assert facets.version == "2"


def test_columns_that_are_newer_than_the_known_version_are_kept() -> None:
    catalog = Catalog()
    catalog.version = "2"
    counter = FacetCounter(catalog)

    for version in ("1", "1", "2"):
        assert counter.count(Filters(), version=version).version == "2"

    assert len(catalog.selections) == 1


def test_nothing_is_kept_while_the_version_is_unknown() -> None:
    catalog = Catalog()
    catalog.version = None
    counter = FacetCounter(catalog)

    for _ in range(2):
        assert counter.count(Filters(), version=None).version is None

    assert len(catalog.selections) == 2


def test_a_colour_is_left_to_the_database_and_ignored_by_its_own_facet() -> None:
    catalog = Catalog()

    FacetCounter(catalog).count(Filters(genres=("Rock",), color="#ff0000"), version="1")

    assert catalog.selections == [Filters(color="#ff0000"), Filters()]


def test_concurrent_requests_load_columns_once() -> None:
    catalog = Catalog()
    counter = FacetCounter(catalog)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: counter.count(Filters(), version="1"), range(32)))

    assert len(catalog.selections) == 1


def test_reading_one_selection_does_not_delay_the_others() -> None:
    catalog = SlowCatalog()
    counter = FacetCounter(catalog)
    counter.count(Filters(), version="1")

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(counter.count, Filters(color="#ff0000"), version="1")
        assert catalog.reads_a_colour.wait(WAIT_S)
        total = counter.count(Filters(genres=("Jazz",)), version="1").total
        was_reading = not slow.done()
        catalog.goes_on.set()

    assert was_reading
    assert total == 1


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


def test_the_latest_selections_are_kept_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog()
    counter = FacetCounter(catalog)
    monkeypatch.setattr(facets_module, "SELECTIONS_KEPT", 8)
    artists = [Filters(artists=(str(number),)) for number in range(20)]

    for filters in (*artists, artists[-1], artists[0]):
        counter.count(filters, version="1")

    assert catalog.selections.count(artists[-1]) == 1
    assert catalog.selections.count(artists[0]) == 2


def test_the_number_of_selections_is_limited_while_the_catalog_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counter = FacetCounter(SilentCatalog())
    monkeypatch.setattr(facets_module, "SELECTIONS_KEPT", 8)

    for number in range(20):
        with pytest.raises(CatalogUnavailable):
            counter.count(Filters(artists=(str(number),)), version="1")

    assert len(counter._kept) == 8


def test_the_latest_selections_are_kept_up_to_a_number_of_albums(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog()
    counter = FacetCounter(catalog)
    first, second = Filters(artists=("first",)), Filters(artists=("second",))

    # Each selection of this catalog has 6 albums.
    monkeypatch.setattr(facets_module, "ALBUMS_KEPT", 17)
    for filters in (Filters(), first, second, second, first, Filters()):
        counter.count(filters, version="1")

    assert catalog.selections == [Filters(), first, second, Filters()]
