"""Compare a worker's memory with a transformers process, and measure the worker's startup time."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

from benchmarks.clients.http_client import Connection, image_search, text_search
from benchmarks.clients.pictures import kept_jpeg
from benchmarks.harness.benchmark_context import STATE, Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import START_S, Stack, open_stack
from benchmarks.paths import ROOT
from local.gateway_and_worker import worker_service

NAMES = ("worker.rss_mb", "worker.ready_s")


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure a worker's memory after two queries, then the startup time of workers with an export cache."""
    with open_stack(bench) as stack:
        asyncio.run(_first_queries(stack.url))
        whole = _rss_mb(stack)
        starts_s = [_start_s(bench, stack, number) for number in range(1, bench.pick(5, 2) + 1)]
    eager = _eager_mb(bench)
    note = (
        f"with model and decoder process, {whole / eager:.2f} of the {eager:.0f} MB of a process with "
        f"transformers eager; both after one image and one text"
    )
    yield Figure("worker.rss_mb", whole, note, holds=whole <= eager)
    ready_s = statistics.median(starts_s)
    yield Figure("worker.ready_s", ready_s, f"median of {len(starts_s)} starts, worst {max(starts_s):.1f} s")


async def _first_queries(url: str) -> None:
    connection = await Connection.open(url)
    file = kept_jpeg(STATE / "pictures", 640, 640, seed=1)
    for request in (image_search(file, wait=60), text_search("ten words or so", wait=60)):
        answer = await connection.ask(request)
        if answer.status != 200:
            raise RuntimeError(f"not answered: {answer.body!r}")
    connection.close()


def _rss_mb(stack: Stack) -> float:
    worker = psutil.Process(stack.workers[0].pid)
    processes = [worker, *worker.children(recursive=True)]
    return float(sum(process.memory_info().rss for process in processes) / 1e6)


def _start_s(bench: Bench, stack: Stack, number: int) -> float:
    """Return the seconds from a worker's start until it has announced its model."""
    worker = worker_service(
        bench.new_folder("start"), stack.environ, name=f"worker-{number}", timeout_s=START_S
    )
    began = time.perf_counter()
    worker.start()
    took_s = time.perf_counter() - began
    worker.stop()
    return took_s


def _eager_mb(bench: Bench) -> float:
    command = [sys.executable, "-m", "benchmarks.encoder.transformers_eager", str(bench.model())]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=True)
    return float(json.loads(done.stdout)["rss_mb"])
