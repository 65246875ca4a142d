"""`explain=true` through the gateway and the workers, for every kind of search of the demo catalog."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.explain.expected_words import is_true
from catalog.demo.albums import demo_albums
from common.result_json import WORD_GROUPS
from tests.e2e.conftest import ALBUMS

FIRST, SECOND = (album.id for album in demo_albums(2))

Ask = Callable[..., httpx.Response]


def by_text(client: httpx.Client, _cover: Path, **given: Any) -> httpx.Response:
    return client.get("/api/search-by-text", params={"query": "red circle", **given})


def by_image(client: httpx.Client, cover: Path, **given: Any) -> httpx.Response:
    return client.post("/api/search-by-image", params=given, files={"file": cover.read_bytes()})


def by_album(client: httpx.Client, _cover: Path, **given: Any) -> httpx.Response:
    return client.get(f"/api/albums/{FIRST}/similar", params=given)


def by_parts(client: httpx.Client, cover: Path, **given: Any) -> httpx.Response:
    parts = [
        {"text": "red circle", "weight": 2},
        {"image": base64.b64encode(cover.read_bytes()).decode(), "weight": -0.4},
        {"album_id": SECOND, "weight": 0.5},
    ]
    return client.post("/api/search", json={"parts": parts, **given})


SEARCHES = pytest.mark.parametrize(
    ("ask", "parts"), [(by_text, 1), (by_image, 1), (by_album, 1), (by_parts, 3)]
)


def results_of(answer: httpx.Response) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = answer.raise_for_status().json()["results"]
    assert results
    return results


@SEARCHES
def test_the_contributions_of_the_parts_add_up_to_the_similarity(
    ask: Ask, parts: int, client: httpx.Client, cover: Path
) -> None:
    for result in results_of(ask(client, cover, k=50, explain=True)):
        contributions = [part["contribution"] for part in result["explain"]["parts"]]
        assert [part["part"] for part in result["explain"]["parts"]] == list(range(parts))
        assert round(sum(contributions), 6) == result["similarity"]


@SEARCHES
def test_explaining_changes_nothing_else_of_the_results(
    ask: Ask, parts: int, client: httpx.Client, cover: Path
) -> None:
    plain, explained = (results_of(ask(client, cover, k=7, **given)) for given in ({}, {"explain": True}))

    assert all(len(result.pop("explain")["parts"]) == parts for result in explained)
    assert explained == plain


@SEARCHES
def test_a_repeated_search_gets_the_cached_explanations(
    ask: Ask, parts: int, client: httpx.Client, cover: Path
) -> None:
    first = ask(client, cover, k=9, explain=True)
    plain = [ask(client, cover, k=9) for _ in range(2)][1]
    again = ask(client, cover, k=9, explain=True)

    assert (again.headers["X-Cache"], plain.headers["X-Cache"]) == ("hit", "hit")
    assert results_of(again) == results_of(first)
    assert all(len(result["explain"]["parts"]) == parts for result in results_of(again))
    assert all("explain" not in result for result in results_of(plain))


def test_the_words_agree_with_the_attributes_of_the_covers(client: httpx.Client, cover: Path) -> None:
    albums = {album.id: album for album in demo_albums(ALBUMS)}
    words: dict[str, list[dict[str, Any]]] = {}
    for colour in ("red", "blue", "green", "yellow", "black", "white"):
        answer = client.get("/api/search-by-text", params={"query": colour, "k": 50, "explain": "true"})
        words |= {result["id"]: result["explain"]["words"] for result in results_of(answer)}

    assert len(words) > ALBUMS / 2
    assert {word["group"] for named in words.values() for word in named} == set(WORD_GROUPS)
    true = [
        is_true(word["word"], albums[album_id]) for album_id, named in words.items() for word in named[:3]
    ]
    assert sum(true) / len(true) >= 0.8
