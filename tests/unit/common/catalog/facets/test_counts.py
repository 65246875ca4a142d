"""The document of the counts shows each value with its count."""

from common.catalog.facets.counter import FacetCounter
from common.catalog.facets.counts import facets_document
from common.filters import Filters
from tests.unit.common.catalog.facets.catalog_in_memory import Catalog


def test_the_document_shows_a_shade_of_each_colour() -> None:
    document = facets_document(FacetCounter(Catalog()).count(Filters(year_max=1994), version="1"))

    assert document["total_albums"] == 2
    assert [entry["color"] for entry in document["colors"]] == ["blue", "red"]
    assert all(entry["hex"].startswith("#") for entry in document["colors"])
