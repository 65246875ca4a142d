"""Searches with parameters that workers of an earlier release do not know, while all workers are older."""

import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from redis import Redis

from common.redis import keyspace
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import StandInWorker
from tests.polling import eventually

TEXT = "/api/search-by-text"

Ask = Callable[..., httpx.Response]


def by_text(client: httpx.Client, _cover: bytes, later: dict[str, Any], **headers: str) -> httpx.Response:
    return client.get(TEXT, params={"query": "red", **later}, headers=headers)


def by_image(client: httpx.Client, cover: bytes, later: dict[str, Any], **headers: str) -> httpx.Response:
    return client.post("/api/search-by-image", params=later, files={"file": cover}, headers=headers)


def by_album(client: httpx.Client, _cover: bytes, later: dict[str, Any], **headers: str) -> httpx.Response:
    return client.get("/api/albums/7/similar", params=later, headers=headers)


def by_parts(client: httpx.Client, _cover: bytes, later: dict[str, Any], **headers: str) -> httpx.Response:
    parts = [{"text": "red"}, {"album_id": "7", "weight": -0.5}]
    return client.post("/api/search", json={"parts": parts, **later}, headers=headers)


ENDPOINTS = pytest.mark.parametrize("ask", [by_text, by_image, by_album, by_parts])
EXPLAIN = {"explain": True}


@pytest.fixture
def age(worker: StandInWorker, redis: Redis) -> Callable[[], None]:
    """Return a function that replaces the worker by a worker of a release that announces no version."""

    def age() -> None:
        worker.announcement = {
            name: value for name, value in worker.announcement.items() if name != "query_version"
        }
        eventually(lambda: b"query_version" not in (redis.get(keyspace.worker("stand-in")) or b""))

    return age


def assert_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "no_worker"), answer.text
    assert "earlier release" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) >= 1


@ENDPOINTS
@pytest.mark.parametrize("headers", [{}, {"Prefer": "respond-async"}, {"Idempotency-Key": "once"}])
def test_a_search_that_no_ready_worker_can_read_is_refused_before_it_becomes_a_job(
    ask: Ask,
    headers: dict[str, str],
    client: httpx.Client,
    cover: bytes,
    redis: Redis,
    age: Callable[[], None],
) -> None:
    age()

    assert_refused(ask(client, cover, EXPLAIN, **headers))

    for kept in (keyspace.JOB, keyspace.RUN, keyspace.IMAGE, keyspace.IDEMPOTENCY):
        assert list(redis.scan_iter(f"{kept}*")) == []


@ENDPOINTS
def test_a_search_without_new_parameters_is_answered(
    ask: Ask, client: httpx.Client, cover: bytes, age: Callable[[], None]
) -> None:
    age()

    assert ask(client, cover, {}).status_code == 200


@ENDPOINTS
def test_a_cached_result_is_returned_although_no_worker_can_compute_it(
    ask: Ask, client: httpx.Client, cover: bytes, age: Callable[[], None]
) -> None:
    computed = ask(client, cover, EXPLAIN)
    age()

    repeated = ask(client, cover, EXPLAIN)
    at_once = ask(client, cover, EXPLAIN, Prefer="respond-async")

    assert (computed.status_code, repeated.status_code, at_once.status_code) == (200, 200, 202)
    assert repeated.headers["x-cache"] == "hit"
    assert client.get(at_once.headers["location"]).json()["status"] == "succeeded"


def test_an_idempotency_key_of_a_refused_search_can_be_used_again(
    client: httpx.Client, cover: bytes, worker: StandInWorker, age: Callable[[], None]
) -> None:
    announced = worker.announcement
    age()

    def ask() -> httpx.Response:
        return by_text(client, cover, EXPLAIN, **{"Idempotency-Key": "again"})

    assert_refused(ask())
    worker.announcement = announced

    answer = eventually(lambda: found if (found := ask()).is_success else None)
    assert answer.json()["results"][0]["explain"]


def test_a_refused_search_costs_the_client_one_unit_for_the_request(
    start_gateway: StartGateway, worker: StandInWorker, age: Callable[[], None]
) -> None:
    age()
    with start_gateway(ADDRESS_RATE="100/hour").client() as client:
        answers = [
            client.get(TEXT, params={"query": secrets.token_hex(4), **later})
            for later in ({}, EXPLAIN, EXPLAIN, {})
        ]

    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    # A computed search costs more than a request.
    first, refused, again, last = (int(answer.headers["ratelimit-remaining"]) for answer in answers)
    assert first - refused == refused - again < again - last


def test_a_search_is_accepted_and_waits_if_no_worker_is_ready_at_all(
    start_gateway: StartGateway, redis: Redis
) -> None:
    with start_gateway().client() as client:
        accepted = client.get(TEXT, params={"query": "red", **EXPLAIN}, headers={"Prefer": "respond-async"})

    assert accepted.status_code == 202
    assert redis.llen(keyspace.SEARCH_QUEUES[-1]) == 1
