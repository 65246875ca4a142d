"""Processes that start in the wrong order wait for each other, and report what they wait for."""

import asyncio
from pathlib import Path

import httpx

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import until_answered
from benchmarks.faults.rig import eventually, open_rig
from local.gateway_and_worker import Service, worker_is_ready


async def test_a_worker_that_starts_before_redis_waits_for_it(
    catalog_server: CatalogServer, tmp_path: Path
) -> None:
    async with open_rig(catalog_server, tmp_path, workers=0) as rig:
        await asyncio.to_thread(rig.redis_server.stop)
        worker = await rig.add_worker(waits=False)
        waits = await eventually(lambda: "cannot start yet" in worker.log_path.read_text(), within_s=30)

        await asyncio.to_thread(rig.redis_server.start)
        answered_after_s = await until_answered(rig, "at last", within_s=30)

        assert waits
        assert worker.running
        assert answered_after_s < float("inf")


async def test_a_worker_that_starts_before_the_catalog_waits_and_health_reports_it(
    catalog_server: CatalogServer, tmp_path: Path
) -> None:
    async with open_rig(catalog_server, tmp_path, workers=0, CATALOG_TIMEOUT_S="1") as rig:
        await asyncio.to_thread(catalog_server.postgres.stop)
        try:
            worker = await rig.add_worker(waits=False)
            reported = await eventually(
                lambda: "waiting:" in _worker_problem(rig.gateways[0].url), within_s=30
            )
        finally:
            await asyncio.to_thread(catalog_server.postgres.start)
        ready = await eventually(lambda: _is_ready(rig.redis_server.url, worker), within_s=30)

        assert reported
        assert ready


def _worker_problem(url: str) -> str:
    return str(httpx.get(f"{url}/readyz", timeout=10).json()["problems"].get("worker", ""))


def _is_ready(redis_url: str, worker: Service) -> bool:
    return worker.pid is not None and worker_is_ready(redis_url, worker.pid)
