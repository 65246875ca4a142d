"""Tests of rate limits over HTTP: per key, per address, under a burst, and during a Redis outage."""

import base64
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from redis import Redis

from common.cache.rankings import packed_ranking
from common.catalog.ranking import Ranking
from common.catalog.version import made_from
from common.redis import keyspace
from common.search_query import SearchQuery, TextPart, ranking_key
from local.servers.redis import RedisConfig, RedisServer
from tests.integration.api.conftest import StartGateway
from tests.integration.api.keyed import new_key
from tests.integration.api.stand_ins import MODEL, MemoryCatalog, StandInWorker
from tests.polling import eventually
from tests.running_gateway import RunningGateway

GENRES = "/api/genres"


def forwarded(*addresses: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(addresses)}


def test_answers_show_the_limit_and_the_remaining_units(start_gateway: StartGateway) -> None:
    with start_gateway(ADDRESS_RATE="3/hour").client() as client:
        answers = [client.get(GENRES) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"3"}
    assert all(3600 <= int(answer.headers["ratelimit-reset"]) <= 7200 for answer in answers)
    assert answers[3].json()["code"] == "rate_limited"
    assert int(answers[3].headers["retry-after"]) >= 1


@pytest.mark.parametrize("spoofed", [True, False])
def test_a_parallel_burst_with_forged_addresses_keeps_to_the_limit(
    start_gateway: StartGateway, spoofed: bool
) -> None:
    gateways = [start_gateway(ADDRESS_RATE="20/hour") for _ in range(2)]

    def ask(number: int) -> int:
        headers = forwarded(f"192.0.2.{number}") if spoofed else {}
        with gateways[number % 2].client(headers=headers) as client:
            return client.get(GENRES).status_code

    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(ask, range(80)))

    assert statuses.count(200) == 20
    assert statuses.count(429) == 60


def test_behind_a_trusted_proxy_each_client_has_its_own_limit(start_gateway: StartGateway) -> None:
    with start_gateway(ADDRESS_RATE="1/hour", TRUSTED_PROXIES="127.0.0.1").client() as client:
        statuses = [
            client.get(GENRES, headers=forwarded(*hops)).status_code
            for hops in (("192.0.2.1",), ("192.0.2.2",), ("192.0.2.1",), ("198.51.100.1", "192.0.2.1"))
        ]

    assert statuses == [200, 200, 429, 429]


def test_each_key_has_one_limit_across_all_addresses(start_gateway: StartGateway, redis: Redis) -> None:
    few, many = new_key(redis, rate="1/hour"), new_key(redis, "bob", rate="100/hour")

    with start_gateway(AUTH="required", TRUSTED_PROXIES="127.0.0.1").client() as client:
        first = client.get(GENRES, headers={**few, **forwarded("192.0.2.1")})
        second = client.get(GENRES, headers={**few, **forwarded("192.0.2.2")})
        other = client.get(GENRES, headers=many)

    assert [first.status_code, second.status_code, other.status_code] == [200, 429, 200]
    assert other.headers["ratelimit-limit"] == "100"


def test_requests_without_a_valid_key_are_counted_by_address(start_gateway: StartGateway) -> None:
    with start_gateway(AUTH="required", ADDRESS_RATE="2/hour").client() as client:
        statuses = [
            client.get(GENRES, headers=headers).status_code
            for headers in ({}, {"X-API-Key": "guess"}, {"X-API-Key": "another guess"}, {})
        ]

    assert statuses == [401, 401, 429, 429]


def test_with_optional_keys_anonymous_clients_have_a_lower_limit(
    start_gateway: StartGateway, redis: Redis
) -> None:
    bearer = new_key(redis, rate="600/minute")

    with start_gateway(AUTH="optional").client() as client:
        anonymous = int(client.get(GENRES).headers["ratelimit-limit"])
        keyed = int(client.get(GENRES, headers=bearer).headers["ratelimit-limit"])

    assert anonymous == 60
    assert keyed == 600


def test_images_texts_and_cached_answers_have_decreasing_costs(
    start_gateway: StartGateway, worker: StandInWorker, cover: bytes
) -> None:
    with start_gateway(ADDRESS_RATE="1000/hour").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        answers = [
            client.get(GENRES),
            client.get("/api/search-by-text?query=red"),
            client.get("/api/search-by-text?query=red"),
            client.post("/api/search-by-image", files={"file": cover}),
            client.post("/api/search-by-image", files={"file": cover}),
        ]

    assert {answer.status_code for answer in answers} == {200}
    left = [int(answer.headers["ratelimit-remaining"]) for answer in answers]
    assert [before - after for before, after in pairwise(left)] == [5, 1, 11, 1]


def test_a_search_that_may_scan_the_catalog_costs_more_until_its_ranking_is_cached(
    start_gateway: StartGateway, worker: StandInWorker, redis: Redis
) -> None:
    text = {"query": "red"}
    searches: list[dict[str, str | float]] = [
        {**text, "k": 10},
        {**text, "k": 10, "offset": 40},
        {**text, "k": 10, "offset": 41},
        {**text, "k": 50, "offset": 1},
        {**text, "min_similarity": 0.5},
    ]
    with start_gateway(ADDRESS_RATE="1000/hour").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        answers = [client.get("/api/search-by-text", params=search) for search in searches]
        # The cache gets a part of the ranking, and then the whole ranking.
        key = keyspace.ranking(
            ranking_key(SearchQuery((TextPart("red"),)), made_from=made_from(model=MODEL, version="1"))
        )
        for offset, complete in ((100, False), (200, True)):
            redis.set(key, packed_ranking(Ranking(("1",), (1,), complete)))
            answers.append(client.get("/api/search-by-text", params={**text, "offset": offset}))
        answers.append(client.get("/api/search-by-text", params={**text, "min_similarity": 0.25}))
        # Another query has another ranking.
        answers.append(client.get("/api/search-by-text", params={**text, "offset": 60, "genre": "Rock"}))
        similar = client.get("/api/albums/1/similar", params={"min_similarity": 0.5})

    assert {answer.status_code for answer in [*answers, similar]} == {200}
    left = [1000, *(int(answer.headers["ratelimit-remaining"]) for answer in [*answers, similar])]
    assert [a - b for a, b in pairwise(left)] == [5, 5, 25, 25, 25, 25, 5, 5, 25, 22]


def test_facets_that_read_all_albums_cost_more_until_their_albums_are_kept(
    start_gateway: StartGateway,
) -> None:
    label = "meta.label=Label 1"
    with start_gateway(ADDRESS_RATE="1000/hour").client() as client:
        answers = [
            client.get(f"/api/facets?{filters}")
            for filters in (
                "genre=Rock&year_min=1980",
                "color=%23d7262d",
                "color=%23d7262d",
                "color=%23d7262d&year_min=1980",
                "artist=Artist 7",
                label,
                f"{label}&color=%23d7262d",
                f"{label}&genre=Rock",
            )
        ]

    assert {answer.status_code for answer in answers} == {200}
    left = [1000, *(int(answer.headers["ratelimit-remaining"]) for answer in answers)]
    assert [a - b for a, b in pairwise(left)] == [1, 21, 1, 1, 21, 21, 21, 1]


def test_facets_that_a_client_cannot_pay_for_are_not_counted(
    start_gateway: StartGateway, catalog: MemoryCatalog
) -> None:
    with start_gateway(ADDRESS_RATE="30/hour").client() as client:
        answers = [client.get(f"/api/facets?artist=Artist {number}") for number in (1, 2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert catalog.calls.count("facet_columns") == 1


def test_a_search_whose_facets_read_all_albums_costs_more(
    start_gateway: StartGateway, worker: StandInWorker
) -> None:
    with start_gateway(ADDRESS_RATE="1000/hour").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        answers = [
            client.get(f"/api/search-by-text?query=red&{asked}")
            for asked in ("facets=true&genre=Rock", "facets=true&color=%23d7262d", "color=%23d7262d")
        ]

    assert {answer.status_code for answer in answers} == {200}
    left = [1000, *(int(answer.headers["ratelimit-remaining"]) for answer in answers)]
    assert [a - b for a, b in pairwise(left)] == [5, 25, 5]


ASYNC = {"Prefer": "respond-async"}


def test_only_a_new_run_costs_more_than_a_request(start_gateway: StartGateway, worker: StandInWorker) -> None:
    worker.pause()
    with start_gateway(ADDRESS_RATE="1000/hour", MAX_QUEUE_DEPTH="1").client() as client:
        keyed = {**ASYNC, "Idempotency-Key": "order-1"}
        answers = [
            client.get(GENRES),
            client.get("/api/search-by-text?query=red", headers=keyed),
            client.get("/api/search-by-text?query=red", headers=keyed),
            client.get("/api/search-by-text?query=blue", headers=keyed),
            client.get("/api/search-by-text?query=red", headers=ASYNC),
            client.get("/api/search-by-text?query=blue", headers=ASYNC),
        ]

    # The five searches start a run, repeat an idempotency key with the same query, repeat it with another
    # query, join the run, and find the queue full.
    assert [answer.status_code for answer in answers] == [200, 202, 202, 409, 202, 503]
    left = [int(answer.headers["ratelimit-remaining"]) for answer in answers]
    assert [before - after for before, after in pairwise(left)] == [5, 1, 1, 1, 1]


@pytest.mark.parametrize("path", ["/api/search-by-image", "/api/search"])
def test_retry_after_is_when_the_refused_search_fits(
    start_gateway: StartGateway, worker: StandInWorker, cover: bytes, path: str
) -> None:
    with start_gateway(ADDRESS_RATE="20/hour").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        client.post("/api/search-by-image", files={"file": cover}).raise_for_status()

        image = {"parts": [{"image": base64.b64encode(cover + b"x").decode()}]}
        refused = (
            client.post(path, files={"file": cover + b"x"})
            if path == "/api/search-by-image"
            else client.post(path, json=image)
        )

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) < int(refused.headers["ratelimit-reset"])


@pytest.mark.parametrize("rate", ["1/hour", "5/hour"])
def test_a_search_that_costs_more_than_a_window_uses_the_whole_window(
    start_gateway: StartGateway, worker: StandInWorker, cover: bytes, rate: str
) -> None:
    with start_gateway(ADDRESS_RATE=rate).client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        first = client.post("/api/search-by-image", files={"file": cover})
        second = client.get(GENRES)

    assert (first.status_code, first.headers["ratelimit-remaining"]) == (200, "0")
    assert second.status_code == 429


def test_an_upload_over_the_rate_limit_is_not_read(
    start_gateway: StartGateway, worker: StandInWorker, cover: bytes
) -> None:
    with start_gateway(ADDRESS_RATE="15/hour").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        paid = client.post("/api/search-by-image", files={"file": cover})
        refused = client.post("/api/search-by-image", files={"file": b"never looked at"})

    assert paid.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["connection"] == "close"


def test_service_endpoints_are_not_counted(start_gateway: StartGateway) -> None:
    with start_gateway(ADDRESS_RATE="1/hour").client() as client:
        answers = [client.get(path) for path in ("/livez", "/health", "/docs") for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit-limit" in answer.headers for answer in answers)


def test_wrong_keys_are_counted_even_where_none_is_needed(start_gateway: StartGateway) -> None:
    with start_gateway(AUTH="optional", ADDRESS_RATE="3/hour").client() as client:
        guesses = [client.get("/health", headers={"X-API-Key": f"guess {n}"}) for n in range(4)]
        honest = client.get("/health")

    assert [guess.status_code for guess in guesses] == [401, 401, 401, 429]
    assert guesses[0].headers["ratelimit-remaining"] == "2"
    assert honest.status_code == 200


def test_a_local_gateway_without_keys_counts_no_requests(client: httpx.Client, redis: Redis) -> None:
    assert "ratelimit-limit" not in client.get(GENRES).headers
    assert list(redis.scan_iter("rate:*")) == []


def test_rate_limit_counters_expire(start_gateway: StartGateway, redis: Redis) -> None:
    with start_gateway(ADDRESS_RATE="5/minute").client() as client:
        client.get(GENRES)

    (name,) = redis.scan_iter("rate:*")
    assert 0 < redis.ttl(name) <= 120


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(RedisConfig(tmp_path / "redis")) as server:
        yield server
        if server.pid is not None:
            os.kill(server.pid, signal.SIGCONT)


@pytest.mark.parametrize(("choice", "status"), [("allow", 200), ("refuse", 503)])
def test_during_a_redis_outage_the_operators_choice_applies(
    start_gateway: StartGateway, own_redis: RedisServer, choice: str, status: int
) -> None:
    running: RunningGateway = start_gateway(
        REDIS_URL=own_redis.url, ADDRESS_RATE="5/minute", RATE_LIMIT_ON_FAILURE=choice
    )
    with running.client() as client:
        assert client.get(GENRES).status_code == 200
        assert own_redis.pid is not None
        os.kill(own_redis.pid, signal.SIGSTOP)

        answer = client.get(GENRES)

    assert answer.status_code == status


def test_during_a_redis_outage_no_key_is_accepted(
    start_gateway: StartGateway, own_redis: RedisServer
) -> None:
    with start_gateway(REDIS_URL=own_redis.url, AUTH="required").client() as client:
        assert own_redis.pid is not None
        os.kill(own_redis.pid, signal.SIGSTOP)
        key = "cvs_" + "0" * 12 + "_" + "x" * 43

        answer = client.get(GENRES, headers={"X-API-Key": key})

    assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
    assert "retry-after" in answer.headers
