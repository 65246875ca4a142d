"""Columns are kept for the latest version of the catalog, up to a number of selections and albums."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.catalog.facets import column_cache
from common.catalog.facets.columns import FacetColumns
from common.catalog.facets.counter import FacetCounter
from common.errors import CatalogUnavailable
from common.filters import Filters
from tests.unit.common.catalog.facets.catalog_in_memory import Catalog

WAIT_S = 30


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


def test_the_latest_selections_are_kept_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog()
    counter = FacetCounter(catalog)
    monkeypatch.setattr(column_cache, "SELECTIONS_KEPT", 8)
    artists = [Filters(artists=(str(number),)) for number in range(20)]

    for filters in (*artists, artists[-1], artists[0]):
        counter.count(filters, version="1")

    assert catalog.selections.count(artists[-1]) == 1
    assert catalog.selections.count(artists[0]) == 2


def test_the_number_of_selections_is_limited_while_the_catalog_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counter = FacetCounter(SilentCatalog())
    monkeypatch.setattr(column_cache, "SELECTIONS_KEPT", 8)

    for number in range(20):
        with pytest.raises(CatalogUnavailable):
            counter.count(Filters(artists=(str(number),)), version="1")

    assert len(counter._cache._kept) == 8


def test_the_latest_selections_are_kept_up_to_a_number_of_albums(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog()
    counter = FacetCounter(catalog)
    first, second = Filters(artists=("first",)), Filters(artists=("second",))

    # Each selection of this catalog has 6 albums.
    monkeypatch.setattr(column_cache, "ALBUMS_KEPT", 17)
    for filters in (Filters(), first, second, second, first, Filters()):
        counter.count(filters, version="1")

    assert catalog.selections == [Filters(), first, second, Filters()]
