"""Pages, thresholds, filters that release 0.2.0 lacks, and additional fields over HTTP, on all searches."""

from typing import Any

import httpx
import orjson
import pytest

from tests.integration.api.stand_ins import StandInWorker

#: The number of albums of the stand-in catalog.
ALBUMS = 60
PARAMETERS: dict[str, Any] = {
    "offset": 20,
    "k": 7,
    "min_similarity": 0.5,
    "include": ["reviewer", "metadata"],
}


def search(client: httpx.Client, kind: str, cover: bytes, **parameters: Any) -> dict[str, Any]:
    """Search in one of four ways and return the result."""
    match kind:
        case "text":
            answer = client.get("/api/search-by-text", params={"query": "red", **parameters})
        case "image":
            answer = client.post("/api/search-by-image", params=parameters, files={"file": cover})
        case "composed":
            answer = client.post("/api/search", json={"parts": [{"text": "red"}], **parameters})
        case _:
            answer = client.get("/api/albums/1/similar", params=parameters)
    document: dict[str, Any] = answer.raise_for_status().json()
    return document


every_search = pytest.mark.parametrize("kind", ["text", "image", "composed", "album"])


@every_search
def test_pages_laid_end_to_end_show_every_album_once(client: httpx.Client, cover: bytes, kind: str) -> None:
    offset, found, exhausted = 0, [], False
    while not exhausted:
        page = search(client, kind, cover, offset=offset, k=13)
        assert page["requested"] == 13
        assert page["total_results"] == len(page["results"])
        found += [album["id"] for album in page["results"]]
        exhausted = page["exhausted"]
        offset += 13

    assert len(found) == len({*found}) == ALBUMS - (kind == "album")


@every_search
def test_results_below_a_threshold_are_left_out(client: httpx.Client, cover: bytes, kind: str) -> None:
    page = search(client, kind, cover, k=50, min_similarity=0.8)

    assert min(album["similarity"] for album in page["results"]) >= 0.8
    assert page["total_results"] < page["requested"] == 50
    assert page["exhausted"] is True


@every_search
def test_filters_by_artist_and_metadata_apply(client: httpx.Client, cover: bytes, kind: str) -> None:
    artists = search(client, kind, cover, artist=["ARTIST 7", "artist 8"])
    labels = search(client, kind, cover, k=50, **{"meta.label": "Label 2"})

    assert sorted(album["artist"] for album in artists["results"]) == ["Artist 7", "Artist 8"]
    assert artists["exhausted"] is True
    assert {int(album["id"]) % 3 for album in labels["results"]} == {2}


@every_search
def test_additional_fields_are_returned_on_request(client: httpx.Client, cover: bytes, kind: str) -> None:
    plain = search(client, kind, cover, k=1)["results"][0]
    full = search(client, kind, cover, k=1, include=["metadata", "reviewer"])["results"][0]

    number = int(full["id"])
    assert full == {
        **plain,
        "reviewer": f"Reviewer {number}",
        "metadata": {"label": f"Label {number % 3}"},
    }
    assert not {"reviewer", "metadata"} & {*plain}


def test_a_single_album_has_additional_fields_on_request(client: httpx.Client) -> None:
    plain = client.get("/api/albums/7").raise_for_status()
    full = client.get("/api/albums/7", params={"include": ["metadata", "reviewer"]}).raise_for_status()

    assert full.json() == {**plain.json(), "reviewer": "Reviewer 7", "metadata": {"label": "Label 1"}}
    assert full.headers["etag"] != plain.headers["etag"]
    refused = client.get("/api/albums/7", params={"include": "embedding"})
    assert [error["parameter"] for error in refused.json()["errors"]] == ["include"]


def test_a_repeated_page_is_answered_from_the_cache(client: httpx.Client, worker: StandInWorker) -> None:
    parameters = {"query": "red", **PARAMETERS, "artist": ["Artist 30"], "meta.label": "Label 0"}
    first = client.get("/api/search-by-text", params=parameters)

    again = client.get("/api/search-by-text", params=parameters)
    unchanged = client.get(
        "/api/search-by-text", params=parameters, headers={"If-None-Match": first.headers["etag"]}
    )
    # A query stays the same if the values of a parameter come in another order or an artist in another case.
    reordered = client.get(
        "/api/search-by-text",
        params={**parameters, "include": ["metadata", "reviewer"], "artist": ["ARTIST 30"]},
    )

    assert [answer.headers["x-cache"] for answer in (first, again, reordered)] == ["miss", "hit", "hit"]
    assert unchanged.status_code == 304
    assert again.json() == {**first.json(), "job_id": None}
    assert len(worker.answered) == 1


@pytest.mark.parametrize(
    "changed", [{"offset": 21}, {"min_similarity": 0.51}, {"include": "reviewer"}, {"meta.label": "Label 1"}]
)
def test_another_page_is_another_answer(client: httpx.Client, changed: dict[str, Any]) -> None:
    client.get("/api/search-by-text", params={"query": "red", **PARAMETERS}).raise_for_status()

    answer = client.get("/api/search-by-text", params={"query": "red", **PARAMETERS, **changed})

    assert answer.headers["x-cache"] == "miss"


def test_a_job_shows_its_page_and_filters(client: httpx.Client) -> None:
    answer = client.get(
        "/api/search-by-text",
        params={"query": "red", **PARAMETERS, "artist": "Björk", "meta.label": "4AD"},
        headers={"Prefer": "respond-async"},
    )

    query = client.get(answer.headers["location"], params={"wait": 10}).json()["query"]
    assert query == {
        "type": "text",
        "parts": [{"text": "red", "weight": 1.0}],
        "k": 7,
        "genre": [],
        "year_min": None,
        "year_max": None,
        "min_score": None,
        "best_new_music": False,
        "offset": 20,
        "min_similarity": 0.5,
        "include": ["metadata", "reviewer"],
        "artist": ["Björk"],
        "meta": {"label": "4AD"},
    }


def test_hostile_keys_of_metadata_are_refused_by_name(client: httpx.Client) -> None:
    names = ["meta.", "meta.\x00", "meta.\x1b[31m", "meta." + "k" * 101]

    for name in names:
        by_get = client.get("/api/search-by-text", params={"query": "red", name: "x"})
        by_post = client.post("/api/search", content=orjson.dumps({"parts": [{"text": "red"}], name: "x"}))
        for answer in (by_get, by_post):
            assert answer.status_code == 422
            (error,) = answer.json()["errors"]
            assert error["parameter"] == name[:105]
            assert "the key after meta." in error["detail"]
