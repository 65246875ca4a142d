"""`explain=true` on every search endpoint."""

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from common.result_json import WORD_GROUPS
from tests.integration.api.random_explanations import VOCABULARY
from tests.integration.api.stand_ins import StandInWorker

TEXT = "/api/search-by-text"

Ask = Callable[..., httpx.Response]


def by_text(client: httpx.Client, _cover: bytes, explain: Any) -> httpx.Response:
    return client.get(TEXT, params={"query": "red", "explain": explain})


def by_image(client: httpx.Client, cover: bytes, explain: Any) -> httpx.Response:
    return client.post("/api/search-by-image", params={"explain": explain}, files={"file": cover})


def by_album(client: httpx.Client, _cover: bytes, explain: Any) -> httpx.Response:
    return client.get("/api/albums/7/similar", params={"explain": explain})


def by_parts(client: httpx.Client, cover: bytes, explain: Any) -> httpx.Response:
    parts = [{"text": "red"}, {"image": base64.b64encode(cover).decode()}, {"album_id": "7", "weight": -0.5}]
    return client.post("/api/search", json={"parts": parts, "explain": explain})


ENDPOINTS = pytest.mark.parametrize("ask", [by_text, by_image, by_album, by_parts])


def results_of(answer: httpx.Response) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = answer.raise_for_status().json()["results"]
    assert results
    return results


@ENDPOINTS
def test_every_search_explains_its_results_on_request(ask: Ask, client: httpx.Client, cover: bytes) -> None:
    for result in results_of(ask(client, cover, True)):
        parts, words = result["explain"]["parts"], result["explain"]["words"]
        assert [part["part"] for part in parts] == list(range(3 if ask is by_parts else 1))
        assert round(sum(part["contribution"] for part in parts), 6) == result["similarity"]
        assert {word["word"] for word in words} <= set(VOCABULARY.words)
        assert {word["group"] for word in words} == set(WORD_GROUPS)
        assert all(word["similarity"] > 0 for word in words)


def test_the_contributions_of_a_composed_query_differ_by_part_and_album(
    client: httpx.Client, cover: bytes
) -> None:
    found = results_of(by_parts(client, cover, True))

    contributions = [part["contribution"] for result in found for part in result["explain"]["parts"]]
    assert len(set(contributions)) > len(found)


@ENDPOINTS
def test_a_search_explains_nothing_unless_asked(ask: Ask, client: httpx.Client, cover: bytes) -> None:
    assert all("explain" not in result for result in results_of(ask(client, cover, False)))


@ENDPOINTS
@pytest.mark.parametrize(
    "value", ["maybe", "yes", "", "2", "[true]", "null", "'; DROP TABLE album_covers; --"]
)
def test_a_value_that_is_no_flag_is_refused_by_name(
    ask: Ask, value: str, client: httpx.Client, cover: bytes
) -> None:
    answer = ask(client, cover, value)

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"parameter": "explain", "detail": "explain is true or false"}]


@pytest.mark.parametrize("value", [1, 0, 1.0, "true", [], {}, [True]])
def test_a_json_body_accepts_only_true_and_false(value: object, client: httpx.Client, cover: bytes) -> None:
    answer = by_parts(client, cover, value)

    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == ["explain"]


def test_a_repeated_flag_is_refused_by_name(client: httpx.Client) -> None:
    answer = client.get(f"{TEXT}?query=red&explain=true&explain=true")

    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == ["explain"]


def test_explained_and_plain_answers_are_cached_apart(client: httpx.Client, worker: StandInWorker) -> None:
    plain, explained = (client.get(TEXT, params={"query": "red", "explain": flag}) for flag in (False, True))
    again = [client.get(TEXT, params={"query": "red", "explain": flag}) for flag in (False, True)]

    assert plain.headers["etag"] != explained.headers["etag"]
    assert [answer.headers["x-cache"] for answer in again] == ["hit", "hit"]
    assert ["explain" in results_of(answer)[0] for answer in again] == [False, True]
    assert len(worker.answered) == 2


def test_parts_in_another_order_are_explained_in_their_own_order(client: httpx.Client) -> None:
    parts = [{"text": "red"}, {"text": "blue", "weight": -0.5}]

    first, second = (
        client.post("/api/search", json={"parts": order, "explain": True}) for order in (parts, parts[::-1])
    )

    assert [answer.headers["x-cache"] for answer in (first, second)] == ["miss", "miss"]


def test_a_job_shows_that_its_query_asks_for_explanations(client: httpx.Client) -> None:
    explained, plain = (
        client.get(
            TEXT, params={"query": "job", "explain": flag}, headers={"Prefer": "respond-async"}
        ).json()["query"]
        for flag in (True, False)
    )

    assert explained["explain"] is True
    assert "explain" not in plain
