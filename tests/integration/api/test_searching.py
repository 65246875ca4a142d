"""Tests of searches over HTTP: answers, the cache, waiting and asynchronous requests, and failures."""

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest
from redis import Redis

from common.catalog.version import new_catalog_version
from common.errors import (
    CatalogUnavailable,
    CoverSearchError,
    ModelMismatch,
    UndecodableImage,
)
from common.redis import keyspace
from common.search_query import SearchQuery
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import MODEL, MemoryCatalog, StandInWorker
from tests.polling import eventually
from tests.running_gateway import RunningGateway

TEXT = "/api/search-by-text"
SEED_FIELDS = {
    "id",
    "artist",
    "album_name",
    "genre",
    "release_year",
    "similarity",
    "pitchfork_score",
    "best_new_music",
    "cover_url",
}


def text(client: httpx.Client, query: str = "dark ambient", **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    return client.get(TEXT, params={"query": query, **more}, headers=headers)


def upload(client: httpx.Client, data: bytes, **params: Any) -> httpx.Response:
    return client.post("/api/search-by-image", params=params, files={"file": ("a.png", data)})


def test_a_text_search_returns_the_expected_object(client: httpx.Client) -> None:
    answer = text(client, k=5)

    document = answer.raise_for_status().json()

    assert document["success"] is True
    assert document["query_type"] == "text"
    assert document["total_results"] == len(document["results"]) == 5
    assert set(document["results"][0]) == SEED_FIELDS | {"genres", "thumbnail_urls"}
    assert document["model"] == MODEL
    assert set(document["timings_ms"]) == {"queue", "decode", "embed", "search", "total"}
    assert answer.headers["x-cache"] == "miss"
    assert "total;dur=" in answer.headers["server-timing"]
    assert client.get(f"/api/jobs/{document['job_id']}").json()["status"] == "succeeded"


def test_an_image_search_ignores_the_file_name(client: httpx.Client, cover: bytes) -> None:
    answer = client.post(
        "/api/search-by-image?k=5&genre=Rock", files={"file": ("a.txt", cover, "text/plain")}
    )

    document = answer.raise_for_status().json()

    assert document["query_type"] == "image"
    assert {found["genre"] for found in document["results"]} == {"Rock"}


def test_a_composed_search_accepts_texts_images_and_albums(client: httpx.Client, cover: bytes) -> None:
    parts = [
        {"text": "forest"},
        {"image": base64.b64encode(cover).decode(), "weight": 0.5},
        {"album_id": "7", "weight": -1},
    ]

    document = client.post("/api/search", json={"parts": parts, "k": 50}).raise_for_status().json()

    assert document["query_type"] == "composed"
    assert "7" not in {found["id"] for found in document["results"]}


def test_similar_albums_exclude_the_album_itself(client: httpx.Client) -> None:
    document = client.get("/api/albums/7/similar", params={"k": 50}).raise_for_status().json()

    assert document["query_type"] == "album"
    assert "7" not in {found["id"] for found in document["results"]}


def test_a_repeated_query_returns_the_stored_answer(client: httpx.Client, worker: StandInWorker) -> None:
    first = text(client, k=3)

    second = text(client, query="DARK  ambient", k=3)

    assert second.headers["x-cache"] == "hit"
    assert second.json() == {**first.json(), "job_id": None}
    assert len(worker.answered) == 1


def test_a_repeated_image_is_answered_from_the_cache(client: httpx.Client, cover: bytes) -> None:
    upload(client, cover).raise_for_status()

    assert upload(client, cover).headers["x-cache"] == "hit"


def test_a_new_catalog_version_invalidates_every_cached_answer(client: httpx.Client, redis: Redis) -> None:
    etag = text(client).headers["etag"]
    assert text(client).headers["x-cache"] == "hit"

    new_catalog_version(redis, model_fingerprint=MODEL)

    eventually(lambda: text(client).headers["etag"] != etag)
    assert text(client, headers={"If-None-Match": etag}).status_code == 200


def test_an_answer_computed_after_a_catalog_change_is_not_cached_under_the_old_version(
    client: httpx.Client, worker: StandInWorker, catalog: MemoryCatalog
) -> None:
    def change(_query: SearchQuery) -> None:
        catalog.current_version = "2"

    worker.before_search = change
    answer = text(client)
    worker.before_search = lambda _: None

    assert answer.status_code == 200
    assert "etag" not in answer.headers
    job = client.get(f"/api/jobs/{answer.json()['job_id']}").json()
    assert job["result"] == answer.json()

    again = text(client)

    assert again.headers["x-cache"] == "miss"
    # Once the gateway has read the new catalog version, it finds the answer in the cache.
    eventually(lambda: text(client).headers["x-cache"] == "hit")
    assert "etag" in text(client).headers


def test_without_a_catalog_version_no_answer_is_cached(
    client: httpx.Client, gateway: RunningGateway, catalog: MemoryCatalog
) -> None:
    catalog.current_version = None
    eventually(lambda: not gateway.gateway.version.is_known)

    answers = [text(client) for _ in range(2)]

    assert [answer.headers["x-cache"] for answer in answers] == ["miss", "miss"]
    assert not any("etag" in answer.headers for answer in answers)


def test_a_matching_etag_gives_304(client: httpx.Client) -> None:
    etag = text(client).headers["etag"]

    again = text(client, headers={"If-None-Match": etag})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag


def test_if_none_match_with_a_wildcard_does_not_skip_a_search(client: httpx.Client) -> None:
    headers = {"If-None-Match": "*"}

    assert text(client, query="never asked", headers=headers).status_code == 200
    assert client.get("/api/albums/none/similar", headers=headers).status_code == 404
    assert client.get("/api/genres", headers=headers).status_code == 304


@pytest.mark.parametrize("junk", [b"", b"junk", b'R1\0\0\0\0{"job_id":null,'])
def test_an_invalid_cache_entry_is_a_miss_and_is_replaced(
    client: httpx.Client, redis: Redis, junk: bytes
) -> None:
    good = text(client).json()
    (entry,) = redis.keys(keyspace.result("*"))
    redis.set(entry, junk)

    answer = text(client)

    assert answer.headers["x-cache"] == "miss"
    assert answer.json()["results"] == good["results"]
    assert text(client).headers["x-cache"] == "hit"


def test_respond_async_returns_a_job_that_can_be_polled(client: httpx.Client, worker: StandInWorker) -> None:
    worker.pause()

    accepted = text(client, headers={"Prefer": "respond-async"})
    waiting = client.get(accepted.headers["location"]).json()
    worker.resume()
    ended = client.get(accepted.headers["location"], params={"wait": 10}).json()

    assert accepted.status_code == 202
    assert accepted.headers["preference-applied"] == "respond-async"
    assert int(accepted.headers["retry-after"]) >= 1
    assert waiting["status"] in {"queued", "running"}
    assert waiting["result"] is None
    assert ended["status"] == "succeeded"
    assert ended["result"]["job_id"] == ended["id"]
    assert ended["result"]["results"] == text(client).json()["results"]


def test_respond_async_returns_a_job_even_for_a_cached_answer(client: httpx.Client) -> None:
    known = text(client).json()

    accepted = text(client, headers={"Prefer": "respond-async"})
    job = client.get(accepted.headers["location"]).json()

    assert accepted.status_code == 202
    assert accepted.headers["x-cache"] == "hit"
    assert (job["status"], job["cached"]) == ("succeeded", True)
    assert job["result"]["results"] == known["results"]


@pytest.mark.parametrize("how", [{"wait": 0.1}, {"headers": {"Prefer": "wait=0"}}])
def test_a_wait_that_times_out_returns_the_job(
    client: httpx.Client, worker: StandInWorker, how: dict[str, Any]
) -> None:
    worker.pause()

    answer = text(client, **how)

    assert answer.status_code == 202
    assert answer.json()["urls"]["get"] == answer.headers["location"]
    assert answer.headers.get("preference-applied") == ("wait=0" if "headers" in how else None)


def test_without_a_worker_a_search_is_accepted_and_finishes_when_one_starts(
    start_gateway: StartGateway, request: pytest.FixtureRequest
) -> None:
    with start_gateway().client() as client:
        accepted = text(client, wait=0)

        request.getfixturevalue("worker")
        ended = client.get(accepted.headers["location"], params={"wait": 15}).json()

    assert accepted.status_code == 202
    assert ended["status"] == "succeeded"


def test_concurrent_identical_queries_run_once(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker
) -> None:
    worker.pause()
    waiting = gateway.gateway.waiters

    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(text, client) for _ in range(20)]
        eventually(lambda: len(waiting) == 20)
        worker.resume()
        done = [answer.result() for answer in answers]

    assert [answer.status_code for answer in done] == [200] * 20
    assert sorted(answer.headers["x-cache"] for answer in done) == ["coalesced"] * 19 + ["miss"]
    assert len({answer.json()["job_id"] for answer in done}) == 20
    assert len(worker.answered) == 1
    assert len(waiting) == 0


def test_the_job_of_a_disconnected_client_continues_without_a_waiter(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker, redis: Redis
) -> None:
    worker.pause()
    waiting = gateway.gateway.waiters

    with pytest.raises(httpx.ReadTimeout):
        client.get(TEXT, params={"query": "gone"}, timeout=0.2)
    eventually(lambda: len(waiting) == 0)
    (job,) = redis.scan_iter(keyspace.JOB + "*")
    worker.resume()
    job_id = job.decode().removeprefix(keyspace.JOB)
    ended = client.get(f"/api/jobs/{job_id}", params={"wait": 10})

    assert ended.json()["status"] == "succeeded"


def test_a_lost_event_only_delays_the_answer(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker, redis: Redis
) -> None:
    worker.pause()
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(text, client, wait=15)
        eventually(lambda: len(gateway.gateway.waiters) == 1)

        redis.client_kill_filter(_type="pubsub")
        worker.resume()

        assert answer.result().status_code == 200


@pytest.mark.parametrize(
    "error",
    [UndecodableImage("it does not"), CatalogUnavailable("it is down"), ModelMismatch("another model")],
)
def test_a_search_whose_job_fails_has_the_status_of_the_error(
    client: httpx.Client, worker: StandInWorker, error: CoverSearchError
) -> None:
    def fail(_: SearchQuery) -> None:
        raise error

    worker.before_search = fail

    answer = text(client)
    polled = text(client, headers={"Prefer": "respond-async"}).headers["location"]
    job = client.get(polled, params={"wait": 10})

    assert answer.status_code == (422 if isinstance(error, UndecodableImage) else 503)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == error.code
    assert answer.json()["detail"] == error.detail
    assert job.status_code == 200
    assert job.json()["status"] == "failed"
    assert job.json()["error"] == {"code": error.code, "detail": error.detail}


def test_a_failed_job_is_not_cached(client: httpx.Client, worker: StandInWorker) -> None:
    def fail(_: SearchQuery) -> None:
        raise CatalogUnavailable("a moment")

    worker.before_search = fail
    assert text(client).status_code == 503

    worker.before_search = lambda _: None

    assert text(client).status_code == 200


@pytest.mark.parametrize("path", ["/api/albums/none/similar", "/api/albums/none"])
def test_an_album_that_does_not_exist_is_404(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "album_not_found")


def test_spellings_of_a_genre_share_one_cache_entry(client: httpx.Client) -> None:
    first = text(client, genre="Rock")

    second = text(client, genre="rOCK")

    assert {found["genre"] for found in second.json()["results"]} == {"Rock"}
    assert second.headers["x-cache"] == "hit"
    assert second.headers["etag"] == first.headers["etag"]


def test_an_album_is_found_by_each_of_its_genres_and_lists_them(
    client: httpx.Client, catalog: MemoryCatalog
) -> None:
    catalog.albums["1"] = replace(catalog.albums["1"], genre="Jazz", genres=("Jazz", "Rock"))

    (by_first,) = text(client, genre="Jazz", k=1).json()["results"]
    (by_second,) = text(client, genre="rock", k=1).json()["results"]
    album = client.get("/api/albums/1").json()

    for found in (by_first, by_second, album):
        assert (found["id"], found["genre"], found["genres"]) == ("1", "Jazz", ["Jazz", "Rock"])


def test_every_kind_of_search_accepts_any_spelling_of_a_genre(client: httpx.Client) -> None:
    composed = {"parts": [{"text": "dark ambient"}]}
    first = client.post("/api/search", json={**composed, "genre": ["Rock"]}).json()["results"]

    second = client.post("/api/search", json={**composed, "genre": [" ROCK", "rock "]})
    similar = [client.get("/api/albums/1/similar", params={"genre": g}) for g in ("Rock", "rOCK")]

    assert second.headers["x-cache"] == "hit"
    assert second.json()["results"] == first
    assert {album["genre"] for album in similar[0].json()["results"]} == {"Rock"}
    assert similar[1].headers["x-cache"] == "hit"


def test_an_unknown_genre_is_refused_by_name_before_a_run(
    client: httpx.Client, worker: StandInWorker
) -> None:
    answer = text(client, genre="Polka")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "genre"
    assert "Polka" in answer.json()["detail"]
    assert worker.answered == []


def test_a_cached_answer_with_a_genre_needs_only_the_catalog_version(
    client: httpx.Client, catalog: MemoryCatalog, start_gateway: StartGateway
) -> None:
    text(client, genre="Rock").raise_for_status()
    catalog.fault, catalog.tells_version = CatalogUnavailable("down"), True

    with start_gateway().client() as fresh:
        eventually(lambda: text(fresh, genre="Rock").headers.get("x-cache") == "hit")


def test_a_gateway_that_never_reached_the_catalog_does_not_use_the_cache(
    client: httpx.Client, catalog: MemoryCatalog, start_gateway: StartGateway
) -> None:
    text(client).raise_for_status()
    catalog.fault = CatalogUnavailable("down")

    with start_gateway().client() as fresh:
        assert text(fresh).json()["code"] == "catalog_unavailable"
    # A gateway that has just reached the catalog still answers from its cache during a database restart.
    assert text(client).headers["x-cache"] == "hit"


def test_several_genres_match_albums_with_any_of_them(client: httpx.Client) -> None:
    document = text(client, genre=["Rock", "Jazz"], k=50).json()

    assert {found["genre"] for found in document["results"]} == {"Rock", "Jazz"}


def test_every_filter_reaches_the_catalog(client: httpx.Client) -> None:
    filters: dict[str, Any] = {"year_min": 1980, "year_max": 1999, "min_score": 1.5, "best_new_music": "true"}

    results = text(client, k=50, **filters).json()["results"]

    assert results
    for found in results:
        assert 1980 <= found["release_year"] <= 1999
        assert found["pitchfork_score"] >= 1.5
        assert found["best_new_music"] is True


def test_a_reused_idempotency_key_returns_the_job_or_a_conflict(
    client: httpx.Client, worker: StandInWorker
) -> None:
    headers = {"Idempotency-Key": "order-17"}

    first = text(client, headers=headers)
    again = text(client, headers=headers)
    later = text(client, headers={**headers, "Prefer": "respond-async"})
    other = text(client, query="something else", headers=headers)

    assert again.json() == first.json()
    assert later.json()["id"] == first.json()["job_id"]
    assert len(worker.answered) == 1
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


def test_an_idempotency_key_is_stored_for_a_cached_answer(
    client: httpx.Client, worker: StandInWorker
) -> None:
    known = text(client).json()
    worker.pause()
    headers = {"Idempotency-Key": "order-18"}

    first = text(client, headers=headers)
    again = text(client, headers=headers)
    other = text(client, query="something else", headers=headers)

    assert first.headers["x-cache"] == "hit"
    assert first.json()["results"] == known["results"]
    assert first.json()["job_id"] is not None
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


def test_a_reused_idempotency_key_waits_for_its_running_job_despite_a_cached_answer(
    client: httpx.Client, worker: StandInWorker, redis: Redis
) -> None:
    known = text(client)
    (entry,) = redis.keys(keyspace.result("*"))
    body = redis.getdel(entry)
    assert isinstance(body, bytes)
    worker.pause()
    headers = {"Idempotency-Key": "order-19"}
    first = text(client, wait=0, headers=headers).json()
    redis.set(entry, body)

    again = text(client, headers={**headers, "Prefer": "respond-async"})

    assert known.status_code == 200
    assert again.json()["id"] == first["id"]


def test_anonymous_clients_do_not_share_idempotency_keys(
    start_gateway: StartGateway, worker: StandInWorker
) -> None:
    with start_gateway(TRUSTED_PROXIES="127.0.0.1").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        mine, anothers = (
            {"Idempotency-Key": "1", "X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2")
        )

        first = text(client, headers=mine)
        again = text(client, headers=mine)
        of_another = text(client, headers=anothers)
        something_else = text(client, query="something else", headers={**anothers, "Idempotency-Key": "2"})

    assert again.json()["job_id"] == first.json()["job_id"] != of_another.json()["job_id"]
    assert something_else.status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_an_invalid_idempotency_key_is_refused(client: httpx.Client, key: str) -> None:
    answer = text(client, headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_a_full_queue_is_refused_before_any_work_with_retry_after(
    start_gateway: StartGateway, worker: StandInWorker
) -> None:
    worker.pause()
    with start_gateway(MAX_QUEUE_DEPTH="1").client() as client:
        accepted = text(client, query="one", wait=0)
        refused = text(client, query="another", wait=0)

    assert accepted.status_code == 202
    assert refused.status_code == 503

    assert refused.json()["code"] == "queue_full"
    assert int(refused.headers["retry-after"]) >= 1


def test_image_bytes_over_their_budget_are_refused(
    start_gateway: StartGateway, worker: StandInWorker, cover: bytes
) -> None:
    worker.pause()
    with start_gateway(MAX_HELD_IMAGE_BYTES=str(len(cover) - 1)).client() as client:
        refused = upload(client, cover)

    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")


def test_a_deadline_without_a_worker_is_reported_as_such(start_gateway: StartGateway) -> None:
    with start_gateway(JOB_DEADLINE_S="1").client() as client:
        answer = text(client)

    assert (answer.status_code, answer.json()["code"]) == (503, "no_worker")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_request_that_waits_for_a_canceled_job_is_answered(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker
) -> None:
    worker.pause()
    headers = {"Idempotency-Key": "cancel-it"}
    job = text(client, headers={**headers, "Prefer": "respond-async"}).json()

    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(text, client, headers=headers)
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        client.post(job["urls"]["cancel"]).raise_for_status()

        assert (answer.result().status_code, answer.result().json()["code"]) == (409, "job_canceled")
