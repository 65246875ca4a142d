"""Gateway and worker log a warning if their Redis is configured so that it can lose jobs."""

from pathlib import Path

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.rig import eventually, open_rig


async def test_gateway_and_worker_warn_about_a_broker_that_may_lose_jobs(
    catalog_server: CatalogServer, tmp_path: Path
) -> None:
    async with open_rig(catalog_server, tmp_path, workers=0, gateways=0) as rig:
        rig.redis.config_set("maxmemory", "200mb")
        rig.redis.config_set("maxmemory-policy", "allkeys-lru")
        rig.redis.config_set("appendonly", "no")

        worker, gateway = await rig.add_worker(), await rig.add_gateway()

        for log in (worker.log_path, gateway.service.log_path):
            assert await eventually(lambda log=log: "queue and cache share" in log.read_text(), within_s=10)  # type: ignore[misc]
            assert "CACHE_REDIS_URL" in log.read_text()
            assert "appendonly yes" in log.read_text()


async def test_a_durable_broker_causes_no_warning(catalog_server: CatalogServer, tmp_path: Path) -> None:
    async with open_rig(catalog_server, tmp_path) as rig:
        logs = rig.workers[0].log_path.read_text() + rig.gateways[0].service.log_path.read_text()

        assert "may lose jobs" not in logs
