"""Tests of jobs over HTTP: polling, waiting, following events and canceling."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest
from redis import Redis

from common.errors import UndecodableImage
from common.redis import keyspace
from common.search_query import SearchQuery
from tests.integration.api.stand_ins import StandInWorker
from tests.polling import eventually
from tests.running_gateway import RunningGateway

JOB_FIELDS = {
    "id",
    "status",
    "query",
    "created_at",
    "started_at",
    "completed_at",
    "queue_position",
    "timings_ms",
    "cached",
    "coalesced",
    "error",
    "result",
    "urls",
}


def submit(client: httpx.Client, query: str = "red") -> dict[str, Any]:
    answer = client.get("/api/search-by-text", params={"query": query}, headers={"Prefer": "respond-async"})
    job: dict[str, Any] = answer.raise_for_status().json()
    return job


def events_of(client: httpx.Client, job: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    body = client.get(job["urls"]["events"]).raise_for_status().text
    events = [block.split("\n") for block in body.split("\n\n") if block and not block.startswith(":")]
    return [
        (name.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))) for name, data in events
    ]


def test_a_job_has_the_fields_of_the_contract(client: httpx.Client) -> None:
    job = submit(client)

    ended = client.get(job["urls"]["get"], params={"wait": 10}).json()

    assert set(job) == set(ended) == JOB_FIELDS
    assert ended["query"]["parts"] == [{"text": "red", "weight": 1.0}]
    assert ended["created_at"] <= ended["started_at"] <= ended["completed_at"]
    assert set(ended["timings_ms"]) == {"queue", "decode", "embed", "search", "total"}


def test_a_queued_job_shows_its_position(client: httpx.Client, worker: StandInWorker) -> None:
    worker.pause()
    jobs = [submit(client, f"number {n}") for n in range(4)]

    looked = [client.get(job["urls"]["get"]) for job in jobs]

    assert [answer.json()["queue_position"] for answer in looked] == [1, 2, 3, 4]
    assert int(looked[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("how", [{"params": {"wait": "10"}}, {"headers": {"Prefer": "wait=10"}}])
def test_a_poll_can_wait_until_the_job_ends(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker, how: dict[str, Any]
) -> None:
    worker.pause()
    job = submit(client)

    with ThreadPoolExecutor(1) as threads:
        polled = threads.submit(client.get, job["urls"]["get"], **how)
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        worker.resume()

        assert polled.result().json()["status"] == "succeeded"


def test_a_poll_that_times_out_shows_the_current_state(client: httpx.Client, worker: StandInWorker) -> None:
    worker.pause()

    answer = client.get(submit(client)["urls"]["get"], params={"wait": 0.1})

    assert answer.status_code == 200
    assert answer.json()["status"] in {"queued", "running"}


@pytest.mark.parametrize("job_id", ["0" * 32, "nonsense", "%00", "%F0%9F%8E%B5", "x" * 5000])
def test_every_request_for_an_unknown_job_is_404(client: httpx.Client, job_id: str) -> None:
    answers = [
        client.get(f"/api/jobs/{job_id}"),
        client.get(f"/api/jobs/{job_id}", params={"wait": 5}),
        client.get(f"/api/jobs/{job_id}/events"),
        client.post(f"/api/jobs/{job_id}/cancel"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "job_not_found")}


def test_a_canceled_job_never_runs(client: httpx.Client, worker: StandInWorker) -> None:
    worker.pause()
    job = submit(client)

    answer = client.post(job["urls"]["cancel"])
    worker.resume()
    later = submit(client, "and another")
    client.get(later["urls"]["get"], params={"wait": 10}).raise_for_status()

    assert answer.status_code == 200
    assert answer.json()["status"] == "canceled"
    assert client.get(job["urls"]["get"]).json()["status"] == "canceled"
    assert job["id"] not in worker.answered


def test_waiting_for_a_canceled_job_ends_while_its_run_continues(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker
) -> None:
    worker.pause()
    first, second = submit(client), submit(client)

    with ThreadPoolExecutor(2) as threads:
        waits = [
            threads.submit(client.get, job["urls"]["get"], params={"wait": 15}) for job in (first, second)
        ]
        eventually(lambda: len(gateway.gateway.waiters) == 2)
        client.post(first["urls"]["cancel"]).raise_for_status()

        # The canceled job is answered before the run ends; the run continues for the other job.
        assert waits[0].result().json()["status"] == "canceled"
        assert len(gateway.gateway.waiters) == 1
        worker.resume()
        assert waits[1].result().json()["status"] == "succeeded"


def test_waiting_for_a_canceled_job_ends_even_if_the_event_is_lost(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker, redis: Redis
) -> None:
    worker.pause()
    first, second = submit(client), submit(client)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.get, second["urls"]["get"], params={"wait": 15})
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        redis.hset(keyspace.JOB + second["id"], "canceled_ms", 1)

        assert waiting.result().json()["status"] == "canceled"
    assert client.get(first["urls"]["get"]).json()["status"] == "queued"


def test_canceling_an_ended_job_changes_nothing(client: httpx.Client) -> None:
    job = submit(client)
    ended = client.get(job["urls"]["get"], params={"wait": 10}).json()

    answer = client.post(job["urls"]["cancel"])

    assert (answer.status_code, answer.json()) == (200, ended)


def test_events_report_every_state_of_a_job_and_close(
    client: httpx.Client, gateway: RunningGateway, worker: StandInWorker
) -> None:
    worker.pause()
    submit(client, "first")
    job = submit(client, "second")

    with ThreadPoolExecutor(1) as threads:
        following = threads.submit(events_of, client, job)
        eventually(lambda: gateway.gateway.waiters.is_watched(job["id"]))
        worker.resume()
        events = following.result()

    names = [name for name, _ in events]
    assert (names[0], events[0][1]["queue_position"]) == ("queued", 2)
    assert names[-1] == "succeeded"
    assert set(names) <= {"queued", "running", "succeeded"}
    assert events[-1][1]["result"]["job_id"] == job["id"]


def test_events_of_an_ended_job_report_its_final_state(client: httpx.Client) -> None:
    job = submit(client)
    client.get(job["urls"]["get"], params={"wait": 10})

    answer = client.get(job["urls"]["events"])

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert [name for name, _ in events_of(client, job)] == ["succeeded"]


def test_the_event_of_a_failure_has_its_reason(client: httpx.Client, worker: StandInWorker) -> None:
    def fail(_: SearchQuery) -> None:
        raise UndecodableImage("it does not")

    worker.before_search = fail

    name, job = events_of(client, submit(client))[-1]

    assert name == "failed"
    assert job["error"] == {"code": "undecodable_image", "detail": "it does not"}
