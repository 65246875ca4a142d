"""`GET /api/service`: the figures of two gateways and two workers together, exact to the request."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from api.keys.key import Role
from common.redis import keyspace
from common.settings import load_settings
from local.servers.redis import RedisConfig, RedisServer
from local.servers.server import free_port
from tests.integration.api.conftest import StartGateway
from tests.integration.api.keyed import new_key
from tests.integration.api.stand_ins import MODEL, MemoryCatalog, StandInWorker
from tests.paths import ROOT
from tests.polling import eventually
from tests.running_gateway import RunningGateway

SERVICE = "/api/service"
TEXT = "/api/search-by-text"


@pytest.fixture
def second_worker(redis: Redis, redis_server: RedisServer, catalog: MemoryCatalog) -> Iterator[StandInWorker]:
    """A worker that announces what current workers announce."""
    stand_in = StandInWorker(load_settings({"REDIS_URL": redis_server.url}), catalog, worker_id="second")
    stand_in.announcement |= {
        "host": "h2",
        "pid": 7,
        "version": "9.9",
        "device": "cpu",
        "encoder": "openvino",
        "precision": "bfloat16",
        "decoders": 3,
        "concurrency": 32,
        "running": 0,
        "runs_per_s": 1.5,
        "started_at": "2025-01-31T09:00:00+00:00",
    }
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def gateways(
    start_gateway: StartGateway, worker: StandInWorker, second_worker: StandInWorker
) -> list[RunningGateway]:
    """Two gateways that know the catalog's version."""
    started = [start_gateway(), start_gateway()]
    eventually(lambda: all(_is_ready(each) for each in started))
    return started


@dataclass
class Tally:
    """What clients saw: their requests by route, by status class, by use of the cache, and by problem."""

    routes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    status_classes: Counter[str] = field(default_factory=Counter)
    cache: Counter[str] = field(default_factory=Counter)
    problems: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, route: str | None, answer: httpx.Response) -> None:
        method = "GET" if answer.request.method == "HEAD" else answer.request.method
        self.routes[method, route] += 1
        self.status_classes[f"{answer.status_code // 100}xx"] += 1
        if "x-cache" in answer.headers:
            self.cache[answer.headers["x-cache"]] += 1
        if answer.headers.get("content-type") == "application/problem+json" and answer.content:
            self.problems[answer.json()["code"], answer.status_code] += 1


def figures(client: httpx.Client) -> dict[str, Any]:
    answer = client.get(SERVICE)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def by_route(document: dict[str, Any]) -> Counter[tuple[str, str | None]]:
    """Return the numbers of requests by route, without the requests by which the tests poll the figures."""
    counts = Counter(
        {(each["method"], each["route"]): each["count"] for each in document["requests"]["by_route"]}
    )
    del counts["GET", SERVICE], counts["GET", "/readyz"]
    return counts


def test_every_request_is_counted_once_in_the_figures_of_all_gateways(
    gateways: list[RunningGateway], cover: bytes
) -> None:
    tally = Tally()
    requests: list[tuple[str | None, str, str, dict[str, Any]]] = [
        *((TEXT, "GET", f"{TEXT}?query=colour+{n % 9}", {}) for n in range(60)),
        *((TEXT, "GET", f"{TEXT}?query=once+{n}", {}) for n in range(20)),
        *((TEXT, "HEAD", f"{TEXT}?query=colour+1", {}) for _ in range(3)),
        *((TEXT, "GET", f"{TEXT}?query=&n={n}", {}) for n in range(5)),
        *((TEXT, "DELETE", TEXT, {}) for _ in range(2)),
        *(
            ("/api/search", "POST", "/api/search", {"json": {"parts": [{"text": f"n {n}"}]}})
            for n in range(7)
        ),
        *(
            ("/api/search-by-image", "POST", "/api/search-by-image", {"files": {"file": cover}})
            for _ in range(4)
        ),
        *(
            ("/api/albums/{album_id}/similar", "GET", f"/api/albums/{n % 3 + 1}/similar", {})
            for n in range(9)
        ),
        *(("/api/albums/{album_id}", "GET", "/api/albums/a%2Fb", {}) for _ in range(2)),
        *(("/api/stats", "GET", "/api/stats", {}) for _ in range(6)),
        *(("/docs/files/{path}", "GET", "/docs/files/none.js", {}) for _ in range(2)),
        *((None, "GET", f"/none/{n}", {}) for n in range(8)),
        *(("/livez", "GET", "/livez", {}) for _ in range(30)),
    ]
    clients = [each.client() for each in gateways]

    def send(number: int) -> tuple[str | None, httpx.Response]:
        route, method, path, options = requests[number]
        return route, clients[number % len(clients)].request(method, path, **options)

    with ThreadPoolExecutor(8) as threads:
        for route, answer in threads.map(send, range(len(requests))):
            tally.add(route, answer)

    found = eventually(
        lambda: document if by_route(document := figures(clients[0])).total() >= len(requests) else None
    )
    assert by_route(found) == tally.routes
    assert {name: found["cache"][name] for name in ("hits", "misses", "coalesced")} == {
        "hits": tally.cache["hit"],
        "misses": tally.cache["miss"],
        "coalesced": tally.cache["coalesced"],
    }
    assert found["cache"]["hits"] > 0
    problems = {(each["code"], each["status"]): each["count"] for each in found["requests"]["by_problem"]}
    assert problems == tally.problems
    classes = {each["status_class"]: each["count"] for each in found["requests"]["by_status_class"]}
    assert {name: classes[name] for name in ("4xx",)} == {"4xx": tally.status_classes["4xx"]}
    assert sum(classes.values()) == found["requests"]["count"]
    assert sum(each["count"] for each in found["requests"]["intervals"]) == found["requests"]["count"]
    for client in clients:
        client.close()


def test_both_gateways_give_the_same_figures(gateways: list[RunningGateway]) -> None:
    with gateways[0].client() as first, gateways[1].client() as second:
        first.get("/livez")
        second.get("/livez")

        def agree() -> bool:
            routes = [by_route(figures(client))["GET", "/livez"] for client in (first, second)]
            return routes == [2, 2]

        eventually(agree)
        assert len(figures(first)["gateways"]) == 2


def test_workers_are_listed_with_null_for_what_older_ones_do_not_announce(
    gateways: list[RunningGateway], second_worker: StandInWorker
) -> None:
    with gateways[0].client() as client:
        workers = {worker["id"]: worker for worker in figures(client)["workers"]}

    assert workers["second"] == {"error": None, **second_worker.announcement}
    old = workers["stand-in"]
    assert (old["model"], old["ready"]) == (MODEL, True)
    assert old["version"] is old["device"] is old["runs_per_s"] is old["running"] is None


def test_waiting_and_running_searches_are_shown_by_kind(
    gateways: list[RunningGateway], worker: StandInWorker, second_worker: StandInWorker, cover: bytes
) -> None:
    worker.pause()
    second_worker.pause()
    at_once = {"Prefer": "respond-async"}
    with gateways[0].client(headers=at_once) as client:
        client.get(f"{TEXT}?query=red")
        client.get(f"{TEXT}?query=blue")
        client.post("/api/search-by-image", files={"file": cover})
        client.get("/api/albums/7/similar")

        found = figures(client)

        assert found["queue"]["depth_by_kind"] == {"text": 2, "image": 1, "composed": 0, "album": 1}
        assert found["queue"]["depth"] == 4
        assert found["queue"]["oldest_age_s"] >= 0
        assert found["memory"]["image_bytes"] == len(cover)
        worker.resume()
        eventually(lambda: figures(client)["queue"]["depth"] == 0)


def test_refused_requests_are_counted_by_code(
    start_gateway: StartGateway, worker: StandInWorker, catalog: MemoryCatalog
) -> None:
    worker.pause()
    running = start_gateway(MAX_QUEUE_DEPTH="2", DEFAULT_WAIT_S="0")
    with running.client() as client:
        statuses = Counter(client.get(f"{TEXT}?query=n+{n}").status_code for n in range(5))

        def problems() -> dict[str, Any] | None:
            found = figures(client)["requests"]["by_problem"]
            return {each["code"]: each for each in found} or None

        eventually(problems)

        assert statuses == {202: 2, 503: 3}
        assert problems() == {"queue_full": {"code": "queue_full", "status": 503, "count": 3}}


def test_a_request_beyond_its_rate_limit_is_counted_without_a_route(
    start_gateway: StartGateway, worker: StandInWorker, redis: Redis
) -> None:
    running = start_gateway(AUTH="optional", ADDRESS_RATE="3/hour")
    admin = new_key(redis, role=Role.ADMIN)
    with running.client() as client:
        statuses = [client.get("/api/genres").status_code for _ in range(5)]

        def limited() -> dict[str, Any] | None:
            document = client.get(SERVICE, headers=admin).json()
            return document if document["requests"]["by_problem"] else None

        found = eventually(limited)

    assert statuses == [200, 200, 200, 429, 429]
    assert found["requests"]["by_problem"] == [{"code": "rate_limited", "status": 429, "count": 2}]
    assert by_route(found) == {("GET", "/api/genres"): 3, ("GET", None): 2}


def test_a_stream_of_events_is_counted_when_it_begins(
    gateways: list[RunningGateway], worker: StandInWorker, second_worker: StandInWorker
) -> None:
    worker.pause()
    second_worker.pause()
    with gateways[0].client() as client:
        job = client.get(f"{TEXT}?query=red", headers={"Prefer": "respond-async"}).headers["location"]
        with client.stream("GET", f"{job}/events") as stream:
            assert next(stream.iter_lines()) == "event: queued"

            with gateways[1].client() as other:
                eventually(lambda: by_route(figures(other))["GET", "/api/jobs/{job_id}/events"] == 1)


def test_a_waiting_search_shows_in_the_percentiles_of_its_route(
    gateways: list[RunningGateway], worker: StandInWorker, second_worker: StandInWorker
) -> None:
    worker.pause()
    second_worker.pause()
    with gateways[0].client() as client:
        answer = client.get(f"{TEXT}?query=slow&wait=0.5")
        found = eventually(
            lambda: next((e for e in figures(client)["requests"]["by_route"] if e["route"] == TEXT), None)
        )

    assert answer.status_code == 202
    assert found["count"] == 1
    assert found["status_classes"] == {"2xx": 1}
    # The gateway waits for half a second, and a bucket has a width of 9 %.
    assert found["duration_ms"]["p50"] >= 500 * 0.95


def test_only_admin_keys_see_the_figures(
    start_gateway: StartGateway, worker: StandInWorker, redis: Redis
) -> None:
    required, optional = (
        start_gateway(AUTH=auth, ADDRESS_RATE="unlimited") for auth in ("required", "optional")
    )
    user, admin = new_key(redis), new_key(redis, role=Role.ADMIN)
    for running in (required, optional):
        with running.client() as client:
            without, refused, shown = (client.get(SERVICE, headers=key) for key in ({}, user, admin))

        assert (without.status_code, without.json()["code"]) == (401, "unauthorized")
        assert without.headers["www-authenticate"].startswith("Bearer")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert shown.status_code == 200
        assert shown.headers["cache-control"] == "no-store"


def test_unknown_parameters_are_refused(gateways: list[RunningGateway]) -> None:
    with gateways[0].client() as client:
        answer = client.get(f"{SERVICE}?minutes=5")

    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "minutes")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that the test stops and starts on one port."""
    server = RedisServer(RedisConfig(tmp_path / "redis", port=free_port()))
    server.start()
    yield server
    server.stop()


def test_without_redis_the_answer_says_what_it_cannot_know_and_later_counts_everything(
    own_redis: RedisServer, catalog: MemoryCatalog
) -> None:
    running = RunningGateway(load_settings({"REDIS_URL": own_redis.url, "PORT": "0"}), catalog)
    running.start()
    try:
        with running.client() as client:
            before = eventually(lambda: d if (d := figures(client))["gateways"] else None)
            own_redis.stop()
            during = eventually(lambda: d if (d := figures(client))["problems"] else None)
            for _ in range(25):
                client.get("/livez")
            own_redis.start()
            after = eventually(
                lambda: d if (d := figures(client))["requests"] and by_route(d)["GET", "/livez"] else None
            )
            eventually(lambda: by_route(figures(client))["GET", "/livez"] == 25)
    finally:
        running.stop()

    assert before["problems"] == after["problems"] == {}
    assert during["problems"].keys() == {"queue", "requests"}
    assert re.fullmatch(r"the job queue does not answer \(\w+\)", during["problems"]["queue"])
    parts = ("time", "queue", "memory", "workers", "gateways", "requests", "cache")
    assert [during[part] for part in parts] == [None] * len(parts)
    assert during["version"] == before["version"]


def test_the_last_requests_of_a_stopped_gateway_are_counted(
    start_gateway: StartGateway, gateways: list[RunningGateway]
) -> None:
    third = start_gateway()
    with third.client() as client:
        for _ in range(10):
            client.get("/livez")

    third.stop()

    with gateways[0].client() as client:
        eventually(lambda: by_route(figures(client))["GET", "/livez"] == 10)


def test_a_killed_gateway_disappears_and_its_reported_requests_stay(
    gateways: list[RunningGateway], redis_server: RedisServer
) -> None:
    port = free_port()
    environ = {
        "REDIS_URL": redis_server.url,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "api"], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL
    )
    try:
        with (
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as killed,
            gateways[0].client() as client,
        ):
            eventually(lambda: _answers(killed))
            for _ in range(10):
                killed.get("/api/jobs/none")
            eventually(lambda: by_route(figures(client))["GET", "/api/jobs/{job_id}"] == 10)
            assert process.pid in {gateway["pid"] for gateway in figures(client)["gateways"]}

            process.send_signal(signal.SIGKILL)
            process.wait()

            eventually(lambda: process.pid not in {gateway["pid"] for gateway in figures(client)["gateways"]})
            found = figures(client)
    finally:
        process.kill()
        process.wait()

    assert by_route(found)["GET", "/api/jobs/{job_id}"] == 10
    assert {gateway["pid"] for gateway in found["gateways"]} == {os.getpid()}


def test_figures_are_read_once_for_many_readers(gateways: list[RunningGateway]) -> None:
    figures_of = gateways[0].gateway.live_figures

    async def read_twice() -> bool:
        first, second = await asyncio.gather(figures_of.read(), figures_of.read())
        return first is second

    loop = gateways[0].gateway._loop
    assert asyncio.run_coroutine_threadsafe(read_twice(), loop).result()


def test_the_kind_of_a_run_is_stored_with_it(
    gateways: list[RunningGateway], worker: StandInWorker, second_worker: StandInWorker, redis: Redis
) -> None:
    worker.pause()
    second_worker.pause()
    with gateways[0].client() as client:
        client.get("/api/albums/7/similar", headers={"Prefer": "respond-async"})

    (run,) = [name for name in redis.scan_iter(keyspace.RUN + "*") if redis.type(name) == b"hash"]
    assert redis.hget(run, "kind") == b"album"


def _is_ready(running: RunningGateway) -> bool:
    with running.client() as client:
        return client.get("/readyz").status_code == 200 and running.gateway.version.is_known


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.ConnectError:
        return False
