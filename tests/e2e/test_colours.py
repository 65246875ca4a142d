"""Colour filters and colour facets agree with the covers that the demo generator drew."""

from typing import Any

import httpx
import pytest

from catalog.demo.cover_attributes import Look
from catalog.demo.drawing.palette import INKS


def search(client: httpx.Client, **parameters: str | int) -> dict[str, Any]:
    answer = client.get("/api/search-by-text", params={"query": "a cover", **parameters})
    document: dict[str, Any] = answer.raise_for_status().json()
    return document


def test_a_colour_finds_covers_that_the_generator_drew_in_this_colour(client: httpx.Client) -> None:
    has_colour = []
    for name, rgb in INKS.items():
        found = search(client, color="#{:02x}{:02x}{:02x}".format(*rgb), k=10, include="metadata")
        looks = [Look(**album["metadata"]["look"]) for album in found["results"]]
        has_colour += [name in look.main_colours for look in looks]
        assert found["albums_without_palette"] == 0

    assert len(has_colour) >= 50
    assert sum(has_colour) >= 0.9 * len(has_colour)


@pytest.mark.parametrize(
    "filters", [{"genre": "Rock"}, {"color": "#d7262d", "year_min": 1980}, {"min_score": 7}]
)
def test_the_counts_beside_filters_agree_with_the_results(
    client: httpx.Client, filters: dict[str, str | int]
) -> None:
    counts = client.get("/api/facets", params=filters).raise_for_status().json()
    albums: list[dict[str, Any]] = []
    exhausted = False
    while not exhausted:
        page = search(client, k=50, offset=len(albums), facets="true", **filters)
        albums += page["results"]
        exhausted = page["exhausted"]
        assert page["facets"] == {name: value for name, value in counts.items() if name != "success"}

    assert counts["total_albums"] == len(albums) > 0
    if "year_min" not in filters:
        decades = [album["release_year"] // 10 * 10 for album in albums]
        assert {facet["decade"]: facet["count"] for facet in counts["decades"]} == {
            decade: decades.count(decade) for decade in decades
        }
