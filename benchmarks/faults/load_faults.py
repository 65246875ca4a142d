"""More than the service can do, all of it the same, or all of it different; and a cache that lies."""

import asyncio
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.faults.clients import Submitted, submit, texts
from benchmarks.faults.ground import Ground
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import open_rig
from common.cache import EMBEDDING_MARK, RESULT_MARK, pack, unpack
from local.servers.rest_gateway import Answer
from local.servers.supabase import SupabaseConfig, SupabaseServer

MIB = 1024 * 1024
#: "Flat": what an allocator may keep after a burst, gateway and worker together.
OVERLOAD_GROWTH_MIB = 64.0
SEARCH_PATH = "/rest/v1/rpc/search_albums"


async def stampede(ground: Ground, folder: Path, *, short: bool) -> Outcome:
    """Ask the same new question in many clients at once."""
    clients = 200 if short else 500
    findings = Findings()
    with SupabaseServer(SupabaseConfig(folder / "postgrest", ground.new_catalog())) as supabase:
        searches = 0

        def count(path: str) -> Answer | None:
            nonlocal searches
            searches += path == SEARCH_PATH
            return None

        supabase.gateway.intercept = count
        catalog = {"SUPABASE_URL": supabase.url, "SUPABASE_KEY": supabase.service_key}
        async with open_rig(ground, folder, catalog=catalog, FIXED_LATENCY_MS="500") as rig:
            answers = await asyncio.gather(
                *(
                    rig.http.get("/api/search-by-text", params={"query": "all at once"}, timeout=30)
                    for _ in range(clients)
                )
            )
            bodies = {str(answer.json()["results"]) for answer in answers}
            # The worker says of each answer once that it embedded and searched.
            embedded = rig.workers[0].log_path.read_text().count('"message":"answered"')
            findings.note(f"{clients} clients, {embedded} embedding, {searches} catalog call")
            findings.require("all are answered", all(answer.status_code == 200 for answer in answers))
            findings.require("all alike", len(bodies) == 1)
            findings.require("one embedding and one catalog call", (embedded, searches) == (1, 1))
            run_ids = [answer.json()["job_id"] for answer in answers if answer.json()["job_id"]]
            return await rig.outcome("cold-key stampede", run_ids, findings)


async def overload(ground: Ground, folder: Path, *, short: bool) -> Outcome:
    """Offer five times what the worker can do."""
    seconds = 5 if short else 60
    per_s = 20
    findings, submitted = Findings(), Submitted()
    # One at a time, 50 ms each: 20 jobs/s.
    async with open_rig(
        ground,
        folder,
        FIXED_LATENCY_MS="50",
        BATCH_MAX="1",
        MAX_QUEUE_DEPTH="60" if short else "300",
        JOB_DEADLINE_S="30",
    ) as rig:
        processes = [
            psutil.Process(service.pid or 0) for service in (rig.workers[0], rig.gateways[0].service)
        ]
        for text in texts("warm", 20):
            await submit(rig.http, text, submitted)
        await rig.drained(within_s=30)
        before = sum(process.memory_info().rss for process in processes)
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for n in range(5 * per_s * seconds):
                await asyncio.sleep(max(0.0, began + n / (5 * per_s) - time.monotonic()))
                tasks.create_task(submit(rig.http, f"overload {n}", submitted))
        over = time.monotonic()
        grown = (sum(process.memory_info().rss for process in processes) - before) / MIB
        findings.require("it refuses", len(submitted.refusals) > 0)
        findings.require("refusals are 503 or 429 with Retry-After", submitted.all_refusals_polite)
        findings.require("every client is answered", not submitted.unanswered)
        findings.require("memory stays flat", grown < OVERLOAD_GROWTH_MIB)
        await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        findings.recovery_s = time.monotonic() - over
        findings.note(f"{len(submitted.refusals)} refused, memory grew by {grown:.1f} MiB")
        found = await rig.audit(submitted.ids)
        findings.require("what is admitted succeeds", set(found.ends) == {"succeeded"})
        return await rig.outcome("overload", submitted.ids, findings, found=found)


async def cache_poisoned(ground: Ground, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Write junk under the cache's keys: results and embeddings."""
    findings = Findings()
    async with open_rig(ground, folder) as rig:
        params = {"query": "poisoned"}
        first = (await rig.http.get("/api/search-by-text", params=params)).json()["results"]
        (result_key,) = rig.keys("result:")
        (embedding_key,) = rig.keys("embedding:")
        whole = rig.redis.get(result_key)
        assert isinstance(whole, bytes)
        lies: list[bytes] = [
            b"",
            b"junk",
            whole[:-1],
            whole.replace(b"true", b"evil"),
            pack(EMBEDDING_MARK, b"{}"),
            b"\x80\x04\x95" + whole,
        ]
        for lie in lies:
            rig.redis.set(result_key, lie, ex=60)
            answer = await rig.http.get("/api/search-by-text", params=params)
            cached = rig.redis.get(result_key)
            findings.require("a lie is a miss", answer.headers["x-cache"] == "miss")
            findings.require("never served, never an error", answer.json()["results"] == first)
            rewritten = isinstance(cached, bytes) and unpack(RESULT_MARK, cached) is not None
            findings.require("and is written anew", rewritten)
        numbers = np.ones(512, dtype="<f4")
        for lie in (b"junk", pack(EMBEDDING_MARK, numbers.tobytes()), pack(EMBEDDING_MARK, bytes(2048))):
            rig.redis.delete(result_key)
            rig.redis.set(embedding_key, lie, ex=60)
            answer = await rig.http.get("/api/search-by-text", params=params)
            findings.require("no false embedding is searched by", answer.json()["results"] == first)
            findings.require("and it is written anew", rig.redis.get(embedding_key) != lie)
        findings.note(f"{len(lies)} poisoned results, 3 poisoned embeddings")
        return await rig.outcome("poisoned cache", [], findings)
