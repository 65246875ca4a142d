"""Faults of a worker: its model cannot be loaded, its model hangs, or its clock is wrong."""

import asyncio
import importlib.util
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import submit_all, texts
from benchmarks.faults.outcome import Findings, Outcome
from benchmarks.faults.rig import Rig, eventually, open_rig
from local.gateway_and_worker import Service
from local.options import DEMO_MODEL
from worker.watchdog import STALLED_STATUS

CLOCK_OFF_S = 120
ANSWERED = '"message":"answered"'
#: The maximum number of seconds to wait for the last line of the logs.
LAST_LINE_S = 5.0


async def unloadable(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Start workers whose model cannot be downloaded, is truncated, or is not a CLIP model."""
    findings = Findings()
    async with open_rig(catalog_server, folder, workers=0, ENCODER="openvino", JOB_DEADLINE_S="120") as rig:
        submitted = await submit_all(rig, texts("no model", 5))
        for model in _unloadable_models(folder):
            await _must_refuse(rig, model, findings)
        findings.require("no job was taken", rig.attempts(submitted.ids) == [0] * len(submitted.ids))
        began = time.monotonic()
        await rig.add_worker({"ENCODER": "fixed"})
        await rig.drained(within_s=30)
        findings.recovery_s = time.monotonic() - began
        return await rig.outcome("model cannot be loaded", submitted.ids, findings)


@dataclass(frozen=True, slots=True)
class UnloadableModel:
    """Settings that name an unusable model, and words that the worker's error message must contain."""

    name: str
    environ: Mapping[str, str]
    words: str


def _unloadable_models(folder: Path) -> tuple[UnloadableModel, ...]:
    cut_short, other_kind = folder / "cut-short", folder / "other-kind"
    shutil.copytree(DEMO_MODEL, cut_short)
    weights = cut_short / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    shutil.copytree(DEMO_MODEL, other_kind)
    config = json.loads((other_kind / "config.json").read_text())
    config |= {"model_type": "bert", "architectures": ["BertModel"]}
    (other_kind / "config.json").write_text(json.dumps(config))
    # The model hub is unreachable, because nothing listens on port 9.
    away = {"CLIP_MODEL": "nobody/nothing", "HF_ENDPOINT": "http://127.0.0.1:9"}
    return (
        UnloadableModel("no network", away, "nobody/nothing"),
        UnloadableModel("file cut short", {"CLIP_MODEL": str(cut_short)}, "cut-short"),
        UnloadableModel("wrong architecture", {"CLIP_MODEL": str(other_kind)}, "is bert, not CLIP"),
    )


async def _must_refuse(rig: Rig, model: UnloadableModel, findings: Findings) -> None:
    name = model.name
    worker = await rig.add_worker(model.environ, waits=False)
    findings.require(
        f"{name}: the worker process ends", await eventually(lambda: not worker.running, within_s=90)
    )
    health = await rig.http.get("/health")
    readiness = await rig.http.get("/readyz")
    findings.require(
        f"{name}: /health reports that clip is not loaded", health.json()["models_loaded"]["clip"] is False
    )
    findings.require(f"{name}: readiness is 503", readiness.status_code == httpx.codes.SERVICE_UNAVAILABLE)
    for place, answer in (("/health", health), ("/readyz", readiness)):
        reported = answer.json()["problems"].get("worker", "")
        says_why = "model_unavailable" in reported and model.words in reported
        findings.require(f"{name}: {place} reports the reason ({reported!r})", says_why)


async def stalls(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - one size
    """Make a forward pass hang; the watchdog must end the process, and another worker must answer."""
    findings = Findings()
    async with open_rig(catalog_server, folder, workers=0, JOB_DEADLINE_S="12", LEASE_S="2") as rig:
        hanging = await rig.add_worker({"FIXED_LATENCY_MS": "3600000"})
        submitted = await submit_all(rig, texts("stalled", 20))
        ended = await eventually(lambda: not hanging.running, within_s=20)
        began = time.monotonic()
        findings.require("the watchdog ends the process", ended and hanging.status == STALLED_STATUS)
        await rig.add_worker()
        await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        findings.recovery_s = time.monotonic() - began
        found = await rig.audit(submitted.ids)
        findings.require("another worker answers in time", found.ends == {"succeeded": len(submitted.ids)})
        return await rig.outcome("model stalls", submitted.ids, findings, found=found)


async def clock_off(catalog_server: CatalogServer, folder: Path, *, short: bool) -> Outcome:
    """Run three workers: one clock is correct, one is two minutes ahead, and one is two minutes behind."""
    jobs = 60 if short else 400
    findings = Findings()
    async with open_rig(catalog_server, folder, FIXED_LATENCY_MS="100", BATCH_MAX="2") as rig:
        await asyncio.gather(*(rig.add_worker(_clock(offset)) for offset in (CLOCK_OFF_S, -CLOCK_OFF_S)))
        submitted = await submit_all(rig, texts("clock", jobs), over_s=jobs / 20)
        await rig.drained(within_s=rig.settings.job_deadline_s + 5)
        logs = await _logs_of(rig.workers, answered=jobs)
        offsets_s = [_clock_of(log) - time.time() for log in logs]
        findings.require(
            "two clocks are wrong", offsets_s[1] > CLOCK_OFF_S / 2 and offsets_s[2] < -CLOCK_OFF_S / 2
        )
        answered = [log.count(ANSWERED) for log in logs]
        findings.note(f"jobs by clock: right {answered[0]}, ahead {answered[1]}, behind {answered[2]}")
        findings.require("every worker answers jobs", min(answered) > 0)
        findings.require("no job runs twice", rig.attempts(submitted.ids) == [1] * jobs)
        findings.require("each job is answered once", sum(answered) == jobs)
        found = await rig.audit(submitted.ids)
        findings.require("every job succeeds", found.ends == {"succeeded": jobs})
        return await rig.outcome("clock skew", submitted.ids, findings, found=found)


def _clock(offset_s: int) -> dict[str, str]:
    """Return environment variables that shift a process's wall clock but not its monotonic clock."""
    package = importlib.util.find_spec("libfaketime")
    assert package is not None
    assert package.origin is not None
    library = Path(package.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
    # LD_PRELOAD contains only the file's name, because the variable is split at spaces, and the path may
    # contain spaces.
    return {
        "LD_PRELOAD": library.name,
        "LD_LIBRARY_PATH": str(library.parent),
        "FAKETIME": f"{offset_s:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


async def _logs_of(workers: Sequence[Service], *, answered: int) -> list[str]:
    """Return the workers' logs once they contain `answered` answers, or after `LAST_LINE_S` seconds.

    A worker logs an answer after the ledger has stored the result, so the last line may come late.
    """
    deadline = time.monotonic() + LAST_LINE_S
    while True:
        logs = [worker.log_path.read_text() for worker in workers]
        reported = sum(log.count(ANSWERED) for log in logs)
        if reported >= answered or time.monotonic() > deadline:
            return logs
        await asyncio.sleep(0.05)


def _clock_of(log: str) -> float:
    """Return the timestamp of the last line in a worker's log."""
    last = next(line for line in reversed(log.splitlines()) if line.startswith("{"))
    return datetime.fromisoformat(json.loads(last)["time"]).timestamp()
