"""Faults of Redis: it is killed, frozen, full or disconnected, or the separate cache evicts keys."""

import asyncio
import os
import signal
import time
from pathlib import Path

from redis import Redis

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import (
    Submitted,
    insist_all,
    submit_all,
    texts,
    until_accepted,
    until_answered,
)
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import open_rig
from benchmarks.faults.tcp_proxy import TcpProxy
from common.redis import keyspace
from common.redis.clients import open_redis
from local.servers.redis import RedisConfig, RedisServer
from local.servers.server import free_port

ACCEPTS_AGAIN_S = 10.0
FROZEN_ANSWER_S = 3.0
HALF_OPEN_S = 15.0
#: The maximum number of seconds for which a client retries a submission.
INSISTED_S = 60.0


async def killed(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Kill Redis several times while clients submit, and restart it from its append-only file.

    Refused clients retry with the same Idempotency-Key.
    """
    jobs, kills = (100, 2) if short else (500, 5)
    findings = Findings()
    async with open_rig(catalog_server, folder, FIXED_LATENCY_MS="50") as rig:
        worker_pid = rig.workers[0].pid
        submitting = asyncio.create_task(
            insist_all(rig, texts("redis killed", jobs), over_s=kills * 3.0, within_s=INSISTED_S)
        )
        back = Submitted()
        for kill in range(kills):
            await asyncio.sleep(2)
            os.kill(rig.redis_server.pid or 0, signal.SIGKILL)
            await asyncio.sleep(1)
            await asyncio.to_thread(rig.restart_redis)
            waited_s = await until_accepted(rig, f"back {kill}", back, within_s=30)
            findings.within(f"restart {kill + 1}: accepts a submission after", waited_s, ACCEPTS_AGAIN_S)
        returned = time.monotonic()
        submitted = await submitting
        accepted = len(set(submitted.ids))
        findings.require(f"{jobs} separate jobs are accepted", accepted == jobs)
        submitted.ids += back.ids
        await rig.drained(within_s=rig.settings.job_deadline_s + 10)
        findings.recovery_s = time.monotonic() - returned
        findings.require("every refusal is 429 or 503 with Retry-After", submitted.all_refusals_polite)
        findings.require(
            "the worker keeps running", rig.workers[0].running and rig.workers[0].pid == worker_pid
        )
        refused = len(submitted.refusals) + submitted.unanswered
        findings.note(f"{refused} submissions refused while Redis was down, and retried")
        known = len(rig.keys(keyspace.JOB))
        findings.require(f"a retried submission creates one job ({known} jobs exist)", known == jobs + kills)
        found = await rig.audit(submitted.ids)
        findings.require("every job succeeds", found.ends == {"succeeded": jobs + kills})
        return await rig.outcome("Redis killed", submitted.ids, findings, found=found)


async def frozen(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Stop Redis with SIGSTOP for half a minute while jobs are queued, running and arriving."""
    jobs, frozen_s = (60, 6) if short else (300, 30)
    findings = Findings()
    async with open_rig(catalog_server, folder, FIXED_LATENCY_MS="200", BATCH_MAX="4") as rig:
        submitted = await submit_all(rig, texts("frozen", jobs))
        pid = rig.redis_server.pid or 0
        os.kill(pid, signal.SIGSTOP)
        try:
            # There are more concurrent clients than the gateway has connections to Redis.
            during = await submit_all(rig, texts("while frozen", jobs * 2), over_s=frozen_s)
        finally:
            os.kill(pid, signal.SIGCONT)
        thawed = time.monotonic()
        await rig.drained(within_s=rig.settings.job_deadline_s + 10)
        findings.recovery_s = time.monotonic() - thawed
        slowest_s = max(refusal.took_s for refusal in during.refusals)
        findings.within("the slowest refusal took", slowest_s, FROZEN_ANSWER_S)
        findings.require("refusals are 503 with Retry-After", during.all_refusals_polite)
        findings.require("every client is answered", not during.unanswered)
        findings.note(f"{len(during.refusals)} submissions refused while Redis was frozen")
        return await rig.outcome("Redis frozen", [*submitted.ids, *during.ids], findings)


async def half_open(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Make every open connection to Redis silent, like a firewall that lost its state."""
    findings = Findings()
    redis_port = free_port()
    async with TcpProxy("127.0.0.1", redis_port) as proxy:
        through = f"redis://127.0.0.1:{proxy.port}/0"
        async with open_rig(catalog_server, folder, redis_port=redis_port, REDIS_URL=through) as rig:
            await until_answered(rig, "before", within_s=20)
            # After two seconds all connections are idle, so no command is in progress when the proxy goes
            # silent.
            await asyncio.sleep(2)
            proxy.go_silent()
            findings.recovery_s = await until_answered(rig, "after", within_s=60)
            findings.within("the service answers again after", findings.recovery_s, HALF_OPEN_S)
            findings.require("the service works again", findings.recovery_s < 60)
            submitted = await submit_all(rig, texts("half open", 20))
            await rig.drained(within_s=rig.settings.job_deadline_s + 5)
            return await rig.outcome("half-open connections", submitted.ids, findings)


async def full(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Lower `maxmemory` below the memory in use while jobs wait, and later remove the limit."""
    jobs, full_s = (60, 4) if short else (400, 12)
    findings = Findings()
    async with open_rig(catalog_server, folder, FIXED_LATENCY_MS="200", BATCH_MAX="4") as rig:
        submitted = await submit_all(rig, texts("full", jobs))
        rig.redis.config_set("maxmemory", 1024 * 1024)
        during = await submit_all(rig, texts("while full", 40), over_s=full_s)
        rig.redis.config_set("maxmemory", 0)
        freed = time.monotonic()
        findings.require("every submit is refused", len(during.refusals) == 40)
        findings.require("refusals are 503 with Retry-After", during.all_refusals_polite)
        waited_s = await until_accepted(rig, "after", submitted, within_s=30)
        findings.note(f"accepts a submission again after {waited_s:.2f} s")
        await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        findings.recovery_s = time.monotonic() - freed
        return await rig.outcome("Redis at maxmemory", submitted.ids, findings)


async def full_past_deadline(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001
    """Keep Redis full beyond the job deadline; every job must still end with a reason."""
    findings = Findings()
    async with open_rig(catalog_server, folder, workers=0, JOB_DEADLINE_S="4") as rig:
        submitted = await submit_all(rig, texts("stays full", 30))
        rig.redis.config_set("maxmemory", 1024 * 1024)
        ended = await rig.drained(within_s=20)
        findings.require("jobs end while Redis is full", ended)
        outcome = await rig.outcome("Redis stays full", submitted.ids, findings)
        rig.redis.config_set("maxmemory", 0)
        return outcome


async def cache_evicts(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Fill the separate Redis of the cache until it evicts keys, while jobs are queued in the main Redis."""
    jobs = 60 if short else 200
    findings = Findings()
    with (
        RedisServer(RedisConfig(folder / "cache", maxmemory="8mb")) as cache,
        open_redis(cache.url) as client,
    ):
        client.config_set("maxmemory-policy", "allkeys-lru")
        async with open_rig(catalog_server, folder, workers=0, CACHE_REDIS_URL=cache.url) as rig:
            submitted = await submit_all(rig, texts("evicted", jobs))
            evicted = await asyncio.to_thread(_fill, client)
            findings.note(f"{evicted} cache entries evicted")
            findings.require("the cache evicts keys", evicted > 0)
            findings.require("every message is still queued", rig.redis.llen(keyspace.QUEUE) == jobs)
            await rig.add_worker()
            await rig.drained(within_s=rig.settings.job_deadline_s + 5)
            found = await rig.audit(submitted.ids)
            findings.require("every job succeeds", found.ends == {"succeeded": jobs})
            return await rig.outcome("cache evicts", submitted.ids, findings, found=found)


def _fill(cache: Redis) -> int:
    for entry in range(400):
        cache.set(f"result:filler{entry}", bytes(64 * 1024))
    info = cache.info("stats")
    assert isinstance(info, dict)
    return int(info["evicted_keys"])
