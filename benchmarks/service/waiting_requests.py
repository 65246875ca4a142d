"""Measure the memory of a gateway in which ten thousand requests wait."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

from benchmarks.clients.held_requests import raise_file_limit
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import FIXED, Stack, open_stack
from benchmarks.paths import ROOT
from benchmarks.service.stand_in_worker import StandInWorker

NAMES = ("waiters.10k.rss_mb",)
#: Settings that keep every query in the queue until this benchmark ends the query.
ROOMY = {
    "MAX_QUEUE_DEPTH": "20000",
    "MAX_QUEUE_AGE_S": "600",
    "JOB_DEADLINE_S": "600",
    "DEFAULT_WAIT_S": "60",
}
FILLING_S = 55.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Let clients wait for different queries, measure the gateway's memory, then end all queries."""
    count = bench.pick(10_000, 300)
    raise_file_limit(count)
    with (
        open_stack(bench, workers=0, environ={**FIXED, **ROOMY}) as stack,
        StandInWorker(stack.redis.url) as worker,
    ):
        before = _rss_mb(stack)
        command = [sys.executable, "-m", "benchmarks.clients.held_requests", stack.url, str(count)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as holders:
            filled_s = _until_filled(worker, count, holders)
            held = _rss_mb(stack)
            worker.succeed_all(worker.queued())
            answered = json.loads(holders.communicate(timeout=120)[0])
    note = (
        f"{count} different queries over {count} connections, {before:.0f} MB before the queries, all "
        f"waiting after {filled_s:.0f} s; answers by status: {answered}"
    )
    yield Figure("waiters.10k.rss_mb", held, note, holds=answered == {"200": count})


def _until_filled(worker: StandInWorker, count: int, holders: "subprocess.Popen[bytes]") -> float:
    """Wait until every query is in the ledger; return the seconds waited."""
    began = time.monotonic()
    while (waiting := worker.queued_count()) < count:
        took_s = time.monotonic() - began
        if took_s > FILLING_S or holders.poll() is not None:
            holders.kill()
            raise RuntimeError(f"only {waiting} of {count} waited after {took_s:.0f} s")
        time.sleep(0.1)
    return time.monotonic() - began


def _rss_mb(stack: Stack) -> float:
    return float(psutil.Process(stack.gateway.pid).memory_info().rss / 1e6)
