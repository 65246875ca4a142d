"""Tests of back pressure: the job limit of a key, and uploads that are refused before they are read."""

from collections.abc import Iterator

import httpx
import pytest
from redis import Redis

from tests.integration.api.conftest import StartGateway
from tests.integration.api.keyed import new_key
from tests.integration.api.stand_ins import StandInWorker
from tests.integration.api.test_uploading import MULTIPART, PART, Sender
from tests.polling import eventually

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def two_job_gateway(start_gateway: StartGateway, worker: StandInWorker) -> Iterator[httpx.Client]:
    """A client of a gateway that allows two active jobs per key."""
    with start_gateway(AUTH="optional", ADDRESS_RATE="unlimited", MAX_JOBS_PER_KEY="2").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        yield client


def submit(client: httpx.Client, query: str, bearer: dict[str, str]) -> httpx.Response:
    return client.get("/api/search-by-text", params={"query": query}, headers={**bearer, **ASYNC})


def test_a_key_at_its_job_limit_is_refused_until_a_job_ends(
    two_job_gateway: httpx.Client, worker: StandInWorker, redis: Redis
) -> None:
    alice, bob = new_key(redis), new_key(redis, "bob")
    worker.pause()
    first, second = submit(two_job_gateway, "one", alice), submit(two_job_gateway, "two", alice)

    refused = submit(two_job_gateway, "three", alice)

    assert [first.status_code, second.status_code] == [202, 202]
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    # A key at its job limit cannot even join an active run; clients with another key or no key are not
    # affected.
    assert submit(two_job_gateway, "one", alice).status_code == 429
    assert submit(two_job_gateway, "three", bob).status_code == 202
    assert submit(two_job_gateway, "four", {}).status_code == 202
    worker.resume()
    eventually(lambda: submit(two_job_gateway, "three", alice).status_code == 202)


def test_a_canceled_job_frees_its_slot(
    two_job_gateway: httpx.Client, worker: StandInWorker, redis: Redis
) -> None:
    alice = new_key(redis)
    worker.pause()
    first = submit(two_job_gateway, "one", alice).json()["id"]
    submit(two_job_gateway, "two", alice)

    two_job_gateway.post(f"/api/jobs/{first}/cancel", headers=alice)

    assert submit(two_job_gateway, "three", alice).status_code == 202


def test_concurrent_requests_do_not_exceed_the_job_limit_of_a_key(
    two_job_gateway: httpx.Client, worker: StandInWorker, redis: Redis
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    alice = new_key(redis)
    worker.pause()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: submit(two_job_gateway, f"query {n}", alice), range(24)))

    assert [answer.status_code for answer in answers].count(202) == 2


@pytest.mark.parametrize(
    ("path", "first"), [("/api/search-by-image", PART), ("/api/search", b'{"parts": [{"image": "')]
)
def test_an_upload_to_a_full_service_is_refused_before_it_is_read(
    start_gateway: StartGateway, worker: StandInWorker, path: str, first: bytes
) -> None:
    with start_gateway(MAX_QUEUE_DEPTH="1").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        worker.pause()
        submit(client, "one", {})
        sender = Sender(first)

        answer = client.post(path, content=iter(sender), headers=MULTIPART)

    assert (answer.status_code, answer.json()["code"]) == (503, "queue_full")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["connection"] == "close"


def test_an_upload_over_the_memory_budget_is_refused(
    start_gateway: StartGateway, worker: StandInWorker, cover: bytes
) -> None:
    with start_gateway(MAX_HELD_IMAGE_BYTES="10").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)

        answer = client.post("/api/search-by-image", files={"file": cover})

    assert (answer.status_code, answer.json()["code"]) == (503, "queue_full")


def test_jobs_that_share_a_run_have_a_memory_limit(
    start_gateway: StartGateway, worker: StandInWorker
) -> None:
    worker.pause()
    with start_gateway(MAX_SHARED_BYTES="10000", AUTH="off").client() as client:
        answers = [submit(client, "one", {}) for _ in range(20)]

    statuses = [answer.status_code for answer in answers]
    assert statuses == [202] * 5 + [503] * 15
    assert answers[-1].json()["code"] == "queue_full"
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_jobs_answered_from_the_cache_have_a_memory_limit(
    start_gateway: StartGateway, worker: StandInWorker
) -> None:
    with start_gateway(MAX_SHARED_BYTES="20000").client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        client.get("/api/search-by-text", params={"query": "one"}).raise_for_status()

        answers = [submit(client, "one", {}) for _ in range(20)]
        accepted = [answer for answer in answers if answer.status_code == 202]
        ended = [client.get(answer.headers["location"]).json() for answer in accepted]
        # A cached answer creates no job, so it is sent although Redis has no memory for further jobs.
        unasked = client.get("/api/search-by-text", params={"query": "one"})

    assert 5 < len(accepted) < 12
    assert {answer.status_code for answer in answers} == {202, 503}
    assert {job["status"] for job in ended} == {"succeeded"}
    assert unasked.status_code == 200
