"""The filter `color` takes a colour in the form `#rrggbb`."""

from typing import Any

import httpx
import pytest

from common.colours.names import SHADES
from tests.integration.api.stand_ins import WITHOUT_PALETTE, MemoryCatalog, main_colour_of

RED = SHADES["red"][0]
pytestmark = pytest.mark.usefixtures("worker")


def by_text(client: httpx.Client, color: str) -> httpx.Response:
    return client.get("/api/search-by-text", params={"query": "sea", "k": 50, "color": color})


def ids(answer: httpx.Response) -> set[str]:
    return {album["id"] for album in answer.raise_for_status().json()["results"]}


def test_every_search_and_the_facets_apply_the_filter(
    client: httpx.Client, catalog: MemoryCatalog, cover: bytes
) -> None:
    red = {album.id for album in catalog.albums.values() if main_colour_of(album) == "red"}
    asked: dict[str, Any] = {"color": RED, "k": 50}

    similar = client.get("/api/albums/1/similar", params=asked)
    by_image = client.post("/api/search-by-image", params=asked, files={"file": cover})
    composed = client.post("/api/search", json={"parts": [{"text": "sea"}], **asked})
    facets = client.get("/api/facets", params={"color": RED}).json()

    assert 0 < len(red) < len(catalog.albums)
    assert ids(by_text(client, RED)) == ids(by_image) == ids(composed) == red
    assert ids(similar) == red - {"1"}
    assert facets["total_albums"] == len(red)
    assert sum(entry["count"] for entry in facets["colors"]) == len(catalog.albums)


def test_only_a_search_by_colour_tells_how_many_albums_it_cannot_find(client: httpx.Client) -> None:
    by_colour = by_text(client, RED).json()
    plain = client.get("/api/search-by-text", params={"query": "sea"}).json()

    assert by_colour["albums_without_palette"] == WITHOUT_PALETTE
    assert "albums_without_palette" not in plain


def test_the_case_of_the_colour_does_not_matter(client: httpx.Client) -> None:
    lower = by_text(client, RED.lower())
    upper = by_text(client, RED.upper())

    assert upper.headers["x-cache"] == "hit"
    assert upper.json() == lower.json() | {"job_id": None}


@pytest.mark.parametrize(
    "color",
    ["", "red", "#fff", "d7262d", "#d7262", "#d7262dff", "#d7262g", "#d7262d\n", " #d7262d", "#١٢٣٤٥٦"],
)
def test_other_texts_are_refused_by_name(client: httpx.Client, color: str) -> None:
    in_query = by_text(client, color)
    in_body = client.post("/api/search", json={"parts": [{"text": "sea"}], "color": color})

    for answer in (in_query, in_body):
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["parameter"] == "color"
        assert "#rrggbb" in error["detail"]


@pytest.mark.parametrize("value", [7, ["#d7262d"], {"hex": "#d7262d"}, True])
def test_other_types_are_refused_by_name(client: httpx.Client, value: object) -> None:
    answer = client.post("/api/search", json={"parts": [{"text": "sea"}], "color": value})

    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == ["color"]


def test_two_colours_are_refused(client: httpx.Client) -> None:
    answer = client.get("/api/search-by-text?query=sea&color=%23d7262d&color=%232a5fd8")

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"parameter": "color", "detail": "color is given twice"}]
