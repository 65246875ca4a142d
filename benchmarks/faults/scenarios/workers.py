"""Faults of workers: a worker is killed or terminated, or an image kills its decoder process."""

import asyncio
import os
import signal
import struct
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import ASYNC, Submitted, submit_all, texts
from benchmarks.faults.job_audit import Audit
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import Rig, eventually, open_rig
from common.redis import keyspace
from local.gateway_and_worker import Service

KILL_EVERY_S = 2.5
#: The maximum number of seconds from the last kill until all jobs have ended: the lease time, a worker's
#: start and the processing of the remaining jobs.
KILLED_RECOVERY_S = 70.0
TERM_EXIT_S = 35.0
#: The number of jobs that a worker processes concurrently, the default of WORKER_CONCURRENCY.
HELD_JOBS = 32
DECODER = "worker.decode.processes.child"
#: The resident memory above which a decoder process is killed; decoding a cover takes little more than 20
#: MiB.
DECODER_RSS_BYTES = 100 << 20


async def killed(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Kill one of two workers every 2.5 s while clients submit."""
    jobs, kills = (120, 3) if short else (1000, 10)
    findings = Findings()
    async with open_rig(
        catalog_server, folder, workers=2, FIXED_LATENCY_MS="100", LEASE_S="2" if short else "10"
    ) as rig:
        submitting = asyncio.create_task(submit_all(rig, texts("killed", jobs), over_s=kills * KILL_EVERY_S))
        for kill in range(kills):
            await asyncio.sleep(KILL_EVERY_S)
            victim = rig.workers[kill % 2]
            await asyncio.to_thread(victim.kill)
            await asyncio.to_thread(victim.restart)
        last_kill = time.monotonic()
        submitted = await submitting
        await rig.drained(within_s=KILLED_RECOVERY_S + 60)
        findings.recovery_s = time.monotonic() - last_kill
        findings.within("all jobs ended after the last kill within", findings.recovery_s, KILLED_RECOVERY_S)
        again = sum(attempts > 1 for attempts in rig.attempts(submitted.ids))
        findings.note(f"{again} jobs ran again after {kills} kills")
        found = await _all_succeeded(rig, submitted, findings)
        return await rig.outcome("worker killed", submitted.ids, findings, found=found)


async def told_to_stop(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Terminate one of two workers while jobs wait, then a worker whose batch exceeds its drain time."""
    jobs = 100 if short else 600
    findings = Findings()
    async with open_rig(catalog_server, folder, workers=2, FIXED_LATENCY_MS="200", BATCH_MAX="4") as rig:
        submitted = await submit_all(rig, texts("stopped", jobs))
        first = rig.workers[0]
        began = time.monotonic()
        os.kill(first.pid or 0, signal.SIGTERM)
        await eventually(lambda: not first.running, within_s=TERM_EXIT_S + 10)
        findings.within("the worker exits within", time.monotonic() - began, TERM_EXIT_S)
        findings.require("the worker exits with status 0", first.status == 0)
        await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        findings.recovery_s = time.monotonic() - began
        await asyncio.to_thread(rig.workers[1].stop)
        held = await _drain_in_vain(rig, findings, short=short)
        submitted.ids += held.ids
        submitted.refusals += held.refusals
        submitted.unanswered += held.unanswered
        found = await _all_succeeded(rig, submitted, findings)
        return await rig.outcome("worker told to stop", submitted.ids, findings, found=found)


async def _drain_in_vain(rig: Rig, findings: Findings, *, short: bool) -> Submitted:
    """Terminate a worker whose batch exceeds its drain time; another worker must finish the jobs."""
    # A full run keeps the default settings, because released jobs must meet their deadline with these
    # settings.
    slow = {"FIXED_LATENCY_MS": "10000", "DRAIN_S": "2"} if short else {"FIXED_LATENCY_MS": "40000"}
    worker = await rig.add_worker(slow)
    submitted = await submit_all(rig, texts("held", HELD_JOBS))
    taken = await eventually(lambda: rig.redis.zcard(keyspace.RUNNING) == HELD_JOBS, within_s=10)
    findings.require("the worker holds every job", taken)
    began = time.monotonic()
    os.kill(worker.pid or 0, signal.SIGTERM)
    await eventually(lambda: not worker.running, within_s=TERM_EXIT_S + 10)
    findings.within(
        "with more work than DRAIN_S allows, it exits within", time.monotonic() - began, TERM_EXIT_S
    )
    gave_up = "not drained in time" in worker.log_path.read_text()
    findings.require("the worker releases its jobs and exits with status 0", gave_up and worker.status == 0)
    findings.require("the worker leaves no lease behind", rig.redis.zcard(keyspace.RUNNING) == 0)
    findings.require("no released attempt counts", rig.attempts(submitted.ids) == [0] * HELD_JOBS)
    await rig.add_worker()
    await rig.drained(within_s=rig.settings.job_deadline_s + 5)
    findings.require("another worker runs each job once", rig.attempts(submitted.ids) == [1] * HELD_JOBS)
    return submitted


async def poisoned(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Send valid images and one image whose decoder process is killed each time for its memory use."""
    neighbours = 10 if short else 40
    findings = Findings()
    async with open_rig(catalog_server, folder) as rig:
        worker_pids = [worker.pid for worker in rig.workers]
        # The images are sent one after another, so that the decoder processes alternate.
        images = [small_png(shade) for shade in range(neighbours)]
        images.insert(neighbours // 2, large_png())
        submitted = Submitted()
        with OutOfMemoryKiller(rig.workers[0]) as killer:
            for image in images:
                answer = await rig.http.post("/api/search-by-image", files={"file": image}, headers=ASYNC)
                submitted.ids.append(answer.raise_for_status().json()["id"])
            await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        poison = submitted.ids[neighbours // 2]
        (attempts,) = rig.attempts([poison])
        found = await rig.audit(submitted.ids)
        findings.note(f"poison image given up after {attempts} attempts, {killer.killed} decoders killed")
        findings.require("at most 3 attempts", attempts <= rig.settings.max_attempts)
        findings.require("each attempt ends with its decoder's death", killer.killed == attempts)
        findings.require(
            "the poison image fails, the others succeed",
            found.ends == {"succeeded": neighbours, "attempts_exhausted": 1},
        )
        alive = all(worker.running for worker in rig.workers)
        findings.require("no worker dies", alive and worker_pids == [worker.pid for worker in rig.workers])
        return await rig.outcome("poison job", submitted.ids, findings, found=found)


class OutOfMemoryKiller:
    """Kills decoder processes that use much memory, as the kernel does when memory runs out."""

    def __init__(self, worker: Service) -> None:
        self._worker = psutil.Process(worker.pid or 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="out-of-memory killer", daemon=True)
        self.killed = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.01):
            # A decoder process may end during the check.
            with suppress(psutil.Error):
                for child in filter(_takes_too_much, self._worker.children()):
                    child.kill()
                    child.wait()
                    self.killed += 1


def _takes_too_much(child: psutil.Process) -> bool:
    return DECODER in child.cmdline() and child.memory_info().rss > DECODER_RSS_BYTES


async def _all_succeeded(rig: Rig, submitted: Submitted, findings: Findings) -> Audit:
    found = await rig.audit(submitted.ids)
    findings.require("every job succeeds", found.ends == {"succeeded": len(submitted.ids)})
    findings.require("every job is accepted", not submitted.refusals and not submitted.unanswered)
    return found


def small_png(shade: int) -> bytes:
    """Return a 32 x 32 image of one shade of grey."""
    return _grey_png(32, 32, shade)


def large_png() -> bytes:
    """Return a small file that is within the pixel limit and needs half a gigabyte of memory to decode."""
    return _grey_png(7000, 7000, 1, channels=4)


def _grey_png(width: int, height: int, shade: int, *, channels: int = 1) -> bytes:
    colour_type = {1: 0, 4: 6}[channels]
    header = struct.pack("!IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    row = b"\0" + bytes([shade]) * width * channels
    packer = zlib.compressobj(1)
    data = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
