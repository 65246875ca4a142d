"""Tests of the gateway during a Redis outage, and of stopping the gateway."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from common.redis import keyspace
from common.redis.clients import open_redis
from common.settings import load_settings
from local.servers.redis import RedisConfig, RedisServer
from local.servers.server import free_port
from tests.integration.api.stand_ins import MemoryCatalog, StandInWorker
from tests.paths import ROOT
from tests.polling import eventually
from tests.running_gateway import RunningGateway

#: The maximum number of seconds that the gateway takes to answer, in any state of Redis.
ANSWER_S = 3.0


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server that a test starts and stops itself, always on the same port."""
    server = RedisServer(RedisConfig(tmp_path / "redis", port=free_port()))
    yield server
    server.stop()


@pytest.fixture
def own_gateway(own_redis: RedisServer, catalog: MemoryCatalog) -> Iterator[RunningGateway]:
    """A gateway whose Redis has not been started yet."""
    url = f"redis://127.0.0.1:{own_redis._config.port}/0"
    running = RunningGateway(load_settings({"REDIS_URL": url, "PORT": "0"}), catalog)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def client(own_gateway: RunningGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=own_gateway.url, timeout=ANSWER_S) as client:
        yield client


@pytest.fixture
def own_worker(own_redis: RedisServer, catalog: MemoryCatalog) -> Iterator[StandInWorker]:
    own_redis.start()
    stand_in = StandInWorker(load_settings({"REDIS_URL": own_redis.url}), catalog)
    stand_in.start()
    yield stand_in
    stand_in.stop()


def search(client: httpx.Client, query: str = "red") -> httpx.Response:
    return client.get("/api/search-by-text", params={"query": query, "wait": 2})


def assert_queue_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.json()["code"] == "queue_unavailable"
    assert int(answer.headers["retry-after"]) >= 1


def test_a_gateway_that_starts_before_redis_reports_it_and_recovers(
    client: httpx.Client, request: pytest.FixtureRequest
) -> None:
    assert_queue_unavailable(search(client))
    assert client.get("/livez").status_code == 200
    assert client.get("/health").json()["status"] == "unhealthy"
    assert "queue" in client.get("/readyz").json()["problems"]

    request.getfixturevalue("own_worker")

    eventually(lambda: client.get("/readyz").status_code == 200)
    assert search(client).status_code == 200


def test_a_gateway_answers_while_redis_is_frozen_and_recovers_afterwards(
    client: httpx.Client, own_worker: StandInWorker, own_redis: RedisServer
) -> None:
    eventually(lambda: client.get("/readyz").status_code == 200)
    job = search(client).json()["job_id"]
    assert own_redis.pid is not None

    os.kill(own_redis.pid, signal.SIGSTOP)
    try:
        assert_queue_unavailable(search(client, "blue"))
        assert_queue_unavailable(client.get(f"/api/jobs/{job}"))
        assert_queue_unavailable(client.post(f"/api/jobs/{job}/cancel"))
        assert client.get("/health").json()["status"] == "unhealthy"
        assert client.get("/api/genres").status_code == 200
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)

    eventually(lambda: client.get("/readyz").status_code == 200)
    eventually(lambda: search(client, "green").status_code == 200)


def test_a_waiting_request_survives_a_redis_restart(
    own_gateway: RunningGateway, own_worker: StandInWorker, own_redis: RedisServer
) -> None:
    own_worker.pause()
    with own_gateway.client() as client, ThreadPoolExecutor(1) as threads:
        eventually(lambda: client.get("/readyz").status_code == 200)
        answer = threads.submit(client.get, "/api/search-by-text", params={"query": "red", "wait": 15})
        eventually(lambda: len(own_gateway.gateway.waiters) == 1)

        own_redis.stop()
        own_redis.start()
        own_worker.resume()

        assert answer.result().status_code == 200


def test_a_stopping_gateway_answers_waiting_requests_with_their_job(
    own_redis: RedisServer, own_worker: StandInWorker
) -> None:
    own_worker.pause()
    port = free_port()
    environ = {
        "REDIS_URL": own_redis.url,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "api"], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL
    )
    try:
        with (
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client,
            ThreadPoolExecutor(1) as threads,
        ):
            eventually(lambda: _lives(client))
            answer = threads.submit(client.get, "/api/search-by-text", params={"query": "red", "wait": 60})
            eventually(lambda: _has_run(own_redis))

            process.send_signal(signal.SIGTERM)

            assert answer.result().status_code == 202
            assert answer.result().headers["location"].startswith("/api/jobs/")
        # The gateway shuts down cleanly, and then sends SIGTERM to itself to report the signal as its exit
        # status.
        assert process.wait(timeout=15) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


def _lives(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.ConnectError:
        return False


def _has_run(server: RedisServer) -> bool:
    with open_redis(server.url) as redis:
        return next(redis.scan_iter(keyspace.RUN + "*"), None) is not None
