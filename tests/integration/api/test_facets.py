"""`GET /api/facets` counts albums by the values of each filter."""

import httpx
import pytest

from common.errors import CatalogUnavailable
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import GENRES, MemoryCatalog, main_colour_of
from tests.polling import eventually


def counts(client: httpx.Client, **parameters: str) -> dict[str, dict[object, int]]:
    """Return the number of albums for each value of each facet."""
    answer = client.get("/api/facets", params=parameters)
    assert answer.status_code == 200, answer.text
    facets = answer.json()
    names = {
        "genres": "genre",
        "decades": "decade",
        "scores": "score",
        "best_new_music": "best_new_music",
        "colors": "color",
    }
    return {facet: {entry[name]: entry["count"] for entry in facets[facet]} for facet, name in names.items()}


def test_without_filters_every_album_is_counted(client: httpx.Client, catalog: MemoryCatalog) -> None:
    answer = client.get("/api/facets").json()

    assert answer["success"] is True
    assert answer["total_albums"] == len(catalog.albums)
    assert set(answer) == {
        "success",
        "total_albums",
        "genres",
        "decades",
        "scores",
        "best_new_music",
        "colors",
    }
    for facet in ("genres", "decades", "scores", "best_new_music", "colors"):
        assert sum(entry["count"] for entry in answer[facet]) == len(catalog.albums)
    assert {entry["genre"] for entry in answer["genres"]} == set(GENRES)
    assert all(entry["hex"].startswith("#") for entry in answer["colors"])


def test_a_facet_ignores_its_own_filter(client: httpx.Client, catalog: MemoryCatalog) -> None:
    everything = counts(client)

    of_rock = counts(client, genre="rock")

    rock = [album for album in catalog.albums.values() if album.genre == "Rock"]
    assert of_rock["genres"] == everything["genres"]
    assert sum(of_rock["decades"].values()) == len(rock)
    assert of_rock["colors"] == {
        name: sum(main_colour_of(album) == name for album in rock) for name in of_rock["colors"]
    }


def test_all_filters_of_a_search_apply(client: httpx.Client, catalog: MemoryCatalog) -> None:
    asked = {"year_min": "1980", "year_max": "1999", "min_score": "2", "best_new_music": "true"}

    answer = client.get("/api/facets", params=asked).json()

    assert answer["total_albums"] == sum(
        album.best_new_music
        and 1980 <= (album.release_year or 0) <= 1999
        and (album.pitchfork_score or 0) >= 2
        for album in catalog.albums.values()
    )


def test_the_counts_are_read_once_and_tagged(client: httpx.Client, catalog: MemoryCatalog) -> None:
    first = client.get("/api/facets")
    again = client.get("/api/facets", headers={"If-None-Match": first.headers["etag"]})
    client.get("/api/facets?genre=Jazz&year_min=1990")

    assert again.status_code == 304
    assert catalog.calls.count("facet_columns") == 1


def test_a_changed_catalog_is_counted_again(client: httpx.Client, catalog: MemoryCatalog) -> None:
    first = client.get("/api/facets")
    del catalog.albums["7"]
    catalog.current_version = "2"

    def counted() -> bool:
        return bool(client.get("/api/facets").json()["total_albums"] == len(catalog.albums))

    eventually(counted)
    changed = client.get("/api/facets", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("genre=Polka", "genre"),
        ("year_min=2000&year_max=1990", "year_min"),
        ("k=10", "k"),
        ("query=red", "query"),
        ("min_score=11", "min_score"),
    ],
)
def test_invalid_parameters_are_refused_by_name(client: httpx.Client, query: str, parameter: str) -> None:
    answer = client.get(f"/api/facets?{query}")

    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


def test_the_detail_names_each_unknown_parameter(client: httpx.Client) -> None:
    answer = client.get("/api/facets?offset=1&k=1")

    assert answer.status_code == 422
    assert "unknown parameter offset;" in answer.json()["detail"]
    assert "unknown parameter k;" in answer.json()["detail"]


def test_a_catalog_that_does_not_answer_is_an_error(
    start_gateway: StartGateway, catalog: MemoryCatalog
) -> None:
    catalog.fault = CatalogUnavailable("no answer")

    with start_gateway().client() as client:
        answer = client.get("/api/facets")

    assert answer.status_code == 503
    assert answer.json()["code"] == "catalog_unavailable"


@pytest.mark.usefixtures("worker")
def test_a_search_returns_the_facets_of_its_filters(client: httpx.Client) -> None:
    asked = {"genre": "Rock", "year_min": "1990"}
    expected = client.get("/api/facets", params=asked).json()
    del expected["success"]

    by_text = client.get("/api/search-by-text", params={"query": "red", "facets": "true", **asked})
    similar = client.get("/api/albums/7/similar", params={"facets": "1", **asked})
    body = {"parts": [{"text": "red"}], "genre": ["Rock"], "year_min": 1990, "facets": True}
    composed = client.post("/api/search", json=body)

    for answer in (by_text, similar, composed):
        assert answer.status_code == 200, answer.text
        assert answer.json()["facets"] == expected


@pytest.mark.usefixtures("worker")
def test_a_search_without_facets_does_not_count_albums(client: httpx.Client, catalog: MemoryCatalog) -> None:
    answer = client.get("/api/search-by-text", params={"query": "red", "facets": "false"})

    assert "facets" not in answer.json()
    assert "facet_columns" not in catalog.calls


@pytest.mark.usefixtures("worker")
def test_answers_with_and_without_facets_are_cached_separately(client: httpx.Client) -> None:
    asked = {"query": "red"}
    with_facets = asked | {"facets": "true"}

    answers = [
        client.get("/api/search-by-text", params=each) for each in (asked, with_facets, asked, with_facets)
    ]

    assert [answer.headers["x-cache"] for answer in answers] == ["miss", "miss", "hit", "hit"]
    assert ["facets" in answer.json() for answer in answers] == [False, True, False, True]
