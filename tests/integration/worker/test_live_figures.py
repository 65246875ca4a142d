"""`GET /api/service` with two gateways and two real workers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from common.settings import Settings
from common.version import VERSION
from tests.integration.worker.conftest import StartWorker
from tests.polling import eventually
from tests.running_gateway import RunningGateway

TEXT = "/api/search-by-text"


@pytest.fixture
def clients(settings: Settings, make_worker_service: StartWorker) -> Iterator[list[httpx.Client]]:
    """Clients of two gateways in front of two workers, whose model takes 0.2 s."""
    for _ in range(2):
        make_worker_service(FIXED_LATENCY_MS="200", WORKER_CONCURRENCY="4", BATCH_MAX="4").start()
    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            running = RunningGateway(settings.model_copy(update={"port": 0}), None)
            running.start()
            stack.callback(running.stop)
            clients.append(stack.enter_context(running.client()))
        eventually(lambda: all(client.get("/readyz").status_code == 200 for client in clients))
        yield clients


def figures(client: httpx.Client) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/api/service").json()
    return document


def test_the_work_of_all_workers_is_shown_through_each_gateway(clients: list[httpx.Client]) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = [
            threads.submit(clients[number % 2].get, f"{TEXT}?query=number+{number}") for number in range(40)
        ]

        def working() -> list[dict[str, Any]] | None:
            workers = figures(clients[0])["workers"]
            return workers if any(worker["running"] for worker in workers) else None

        running = eventually(working)
        statuses = {answer.result().status_code for answer in answers}

    def done() -> dict[str, Any] | None:
        found = figures(clients[1])
        routes = {each["route"]: each["count"] for each in found["requests"]["by_route"]}
        rates = [worker["runs_per_s"] for worker in found["workers"]]
        is_done = routes.get(TEXT) == 40 and sum(worker["running"] for worker in found["workers"]) == 0
        return found if is_done and all(rates) else None

    found = eventually(done)
    assert statuses == {200}
    assert len(running) == len(found["workers"]) == 2
    for worker in found["workers"]:
        assert worker["ready"] is True
        assert (worker["version"], worker["device"], worker["encoder"]) == (VERSION, "cpu", "fixed")
        assert (worker["concurrency"], worker["decoders"]) == (4, 1)
        assert worker["started_at"]
    assert found["cache"]["misses"] == 40
    assert found["queue"]["depth"] == found["queue"]["running"] == 0
    assert found["problems"] == {}
    durations = next(each for each in found["requests"]["by_route"] if each["route"] == TEXT)["duration_ms"]
    # No search is faster than the model.
    assert durations["p50"] >= 200 * 0.95
    assert durations["p50"] <= durations["p95"] <= durations["p99"]
