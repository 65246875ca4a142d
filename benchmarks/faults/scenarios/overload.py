"""Faults: many identical queries, more queries than the worker can answer, and invalid cache entries."""

import asyncio
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.distinct_pngs import numbered_png
from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import Submitted, submit, submit_image, texts
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import Rig, open_rig
from common.cache.results import EMBEDDING_MARK, RESULT_MARK, pack, unpack
from local.servers.supabase import SupabaseConfig, SupabaseServer
from local.servers.supabase_gateway import Answer

MIB = 1024 * 1024
#: The maximum memory growth of gateway and worker together; allocators keep some memory after a burst.
OVERLOAD_GROWTH_MIB = 64.0
#: The maximum memory growth of Redis, which keeps accepted jobs and their results for polling.
OVERLOAD_REDIS_MIB = 16.0
SEARCH_PATH = "/rest/v1/rpc/versioned_search"


async def stampede(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Send the same uncached query from many clients at once."""
    clients = 200 if short else 500
    findings = Findings()
    with SupabaseServer(SupabaseConfig(folder / "postgrest", catalog_server.new_catalog())) as supabase:
        searches = 0

        def count(path: str) -> Answer | None:
            nonlocal searches
            searches += path == SEARCH_PATH
            return None

        supabase.gateway.intercept = count
        catalog = {"SUPABASE_URL": supabase.url, "SUPABASE_KEY": supabase.service_key}
        async with open_rig(catalog_server, folder, catalog=catalog, FIXED_LATENCY_MS="500") as rig:
            answers = await asyncio.gather(
                *(
                    rig.http.get("/api/search-by-text", params={"query": "all at once"}, timeout=30)
                    for _ in range(clients)
                )
            )
            bodies = {str(answer.json()["results"]) for answer in answers}
            # The worker logs one line for each query that it embeds and searches.
            embedded = rig.workers[0].log_path.read_text().count('"message":"answered"')
            findings.note(f"{clients} clients, {embedded} embedding, {searches} catalog call")
            findings.require(
                "every client is answered with 200", all(answer.status_code == 200 for answer in answers)
            )
            findings.require("all answers are the same", len(bodies) == 1)
            findings.require("one embedding and one catalog call", (embedded, searches) == (1, 1))
            run_ids = [answer.json()["job_id"] for answer in answers if answer.json()["job_id"]]
            return await rig.outcome("cold-key stampede", run_ids, findings)


async def overload(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Send five times as many queries as the worker can answer; every fourth query is an image."""
    # In a short run the deadline is 10 s, because too few jobs wait to make one miss a deadline of a minute.
    # A low WORKER_CONCURRENCY leaves more jobs in the queue, so that the service can measure its rate.
    hurry = {"JOB_DEADLINE_S": "10", "WORKER_CONCURRENCY": "8"} if short else {}
    seconds = 10 if short else 60
    findings, submitted = Findings(), Submitted()
    # The worker takes 140 ms for each job (7.1 jobs/s), like a large model on a small machine.
    slow = {
        "DATABASE_URL": catalog_server.new_catalog(),
        "FIXED_LATENCY_MS": "140",
        "BATCH_MAX": "1",
        **hurry,
    }
    async with open_rig(catalog_server, folder, catalog=slow) as rig:
        # Of the 40 warm-up jobs, the last ones wait for several seconds, so that the service can measure its
        # rate.
        for text in texts("warm", 40):
            await submit(rig.http, text, submitted)
        await rig.drained(within_s=30)
        before_mib, redis_before_mib = _services_mib(rig), _redis_mib(rig)
        await _offer(rig, submitted, per_s=35, seconds=seconds)
        over = time.monotonic()
        grown = _services_mib(rig) - before_mib
        redis_grown = _redis_mib(rig) - redis_before_mib
        findings.require("some queries are refused", len(submitted.refusals) > 0)
        findings.require("refusals are 503 or 429 with Retry-After", submitted.all_refusals_polite)
        findings.require("every client is answered", not submitted.unanswered)
        findings.require("memory of gateway and worker grows little", grown < OVERLOAD_GROWTH_MIB)
        findings.require("memory of Redis grows little", redis_grown < OVERLOAD_REDIS_MIB)
        await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        findings.recovery_s = time.monotonic() - over
        findings.note(f"{len(submitted.refusals)} queries refused")
        findings.note(f"services grew by {grown:.1f} MiB, Redis by {redis_grown:.1f} MiB")
        found = await rig.audit(submitted.ids)
        findings.require("every accepted job succeeds", set(found.ends) == {"succeeded"})
        return await rig.outcome("overload", submitted.ids, findings, found=found)


async def _offer(rig: Rig, submitted: Submitted, *, per_s: int, seconds: int) -> None:
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for n in range(per_s * seconds):
            await asyncio.sleep(max(0.0, began + n / per_s - time.monotonic()))
            is_image = n % 4 == 3
            sent = (
                submit_image(rig.http, numbered_png(n), submitted)
                if is_image
                else submit(rig.http, f"overload {n}", submitted)
            )
            tasks.create_task(sent)


def _services_mib(rig: Rig) -> float:
    services = (rig.workers[0], rig.gateways[0].service)
    return sum(psutil.Process(service.pid or 0).memory_info().rss for service in services) / MIB


def _redis_mib(rig: Rig) -> float:
    return float(rig.redis.info("memory")["used_memory"] / MIB)


async def cache_poisoned(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Overwrite cached results and embeddings in Redis with invalid bytes."""
    findings = Findings()
    async with open_rig(catalog_server, folder) as rig:
        params = {"query": "poisoned"}
        first = (await rig.http.get("/api/search-by-text", params=params)).json()["results"]
        (result_key,) = rig.keys("result:")
        (embedding_key,) = rig.keys("embedding:")
        whole = rig.redis.get(result_key)
        assert isinstance(whole, bytes)
        poisoned: list[bytes] = [
            b"",
            b"junk",
            whole[:-1],
            whole.replace(b"true", b"evil"),
            pack(EMBEDDING_MARK, b"{}"),
            b"\x80\x04\x95" + whole,
        ]
        for junk in poisoned:
            rig.redis.set(result_key, junk, ex=60)
            answer = await rig.http.get("/api/search-by-text", params=params)
            cached = rig.redis.get(result_key)
            findings.require("a poisoned entry counts as a miss", answer.headers["x-cache"] == "miss")
            findings.require("a poisoned result is never served", answer.json()["results"] == first)
            rewritten = isinstance(cached, bytes) and unpack(RESULT_MARK, cached) is not None
            findings.require("a poisoned result is overwritten", rewritten)
        numbers = np.ones(512, dtype="<f4")
        for junk in (b"junk", pack(EMBEDDING_MARK, numbers.tobytes()), pack(EMBEDDING_MARK, bytes(2048))):
            rig.redis.delete(result_key)
            rig.redis.set(embedding_key, junk, ex=60)
            answer = await rig.http.get("/api/search-by-text", params=params)
            findings.require("a poisoned embedding is never used", answer.json()["results"] == first)
            findings.require("a poisoned embedding is overwritten", rig.redis.get(embedding_key) != junk)
        findings.note(f"{len(poisoned)} poisoned results, 3 poisoned embeddings")
        return await rig.outcome("poisoned cache", [], findings)
