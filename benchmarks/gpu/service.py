"""Measure the whole service with several workers on one GPU: jobs per second, and the bottleneck."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.clients.load import Plan, run_clients
from benchmarks.clients.texts import words_of
from benchmarks.gpu.device import card, free_mb, has_gpu, skipped
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.cpu_usage import Usage, roots_of
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import open_stack
from benchmarks.service.job_throughput import ALBUMS, saturated
from local.errors import ServerFailed
from local.gateway_and_worker import Service
from local.servers.postgres import find_binaries
from local.servers.redis import find_redis

NAMES = ("gpu.service.jobs_s",)
WORKERS = (1, 4)
CLIENTS = 64
ON_GPU = {"ENCODER": "torch", "DEVICE": "cuda", "BATCH_MAX": "256", "WORKER_CONCURRENCY": "64"}
#: Variables by which torch finds the GPU's driver on some machines.
INHERITED = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")


def measure(bench: Bench) -> Iterator[Figure]:
    """Search by texts with one and with four workers, on all cores and on two cores for each worker."""
    if not has_gpu():
        yield from skipped(NAMES)
        return
    if (missing := _missing_server()) is not None:
        yield Figure(NAMES[0], None, f"skipped: {missing}")
        return
    words = words_of(bench.model())
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    rates, notes = [], []
    for workers in WORKERS:
        before = free_mb()
        with open_stack(bench, workers=workers, albums=ALBUMS, environ=ON_GPU | inherited) as stack:
            each_mb = (before - free_mb()) / workers
            notes.append(f"{workers} worker(s), {each_mb:.0f} MB of the GPU each")
            for cores in ("all cores", "two cores each"):
                if cores != "all cores":
                    _pin(stack.workers)
                plan = Plan(
                    stack.url, CLIENTS, warm_up_s=1, seconds=bench.pick(5, 2), seed=len(notes), words=words
                )
                with Usage(roots_of(stack, postgres=bench.postgres.pid)) as usage:
                    report = run_clients(plan)
                rates.append(report.per_s)
                used = f"{saturated(usage.shares)}, cores used: {usage.summary()}"
                notes.append(f"on {cores}: {report.per_s:.0f}/s, {used}")
    yield Figure(NAMES[0], max(rates), f"{'; '.join(notes)}; {CLIENTS} clients; {card()}")


def _pin(workers: Sequence[Service]) -> None:
    """Restrict each worker's threads to two cores of its own."""
    cores = sorted(os.sched_getaffinity(0))
    for number, worker in enumerate(workers):
        own = [cores[(2 * number + offset) % len(cores)] for offset in (0, 1)]
        for thread in Path(f"/proc/{worker.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), own)


def _missing_server() -> str | None:
    for find in (find_redis, find_binaries):
        try:
            find()
        except ServerFailed as error:
            return str(error)
    return None
