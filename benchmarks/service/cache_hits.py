"""Compare the gateway's answers from the cache with a bare FastAPI route that reads one Redis key."""

import re
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.cpu_usage import Usage
from benchmarks.harness.interleaving import interleaved
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import FIXED, open_stack
from benchmarks.service.bare_fastapi import bare_service

NAMES = ("cache.hit.rps_ratio", "cache.hit.p99_over_p50")
CONNECTIONS = 64
QUERY = "/api/search-by-text?query=the+same+again&k=10"
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class WrkReport:
    """The figures of one run of wrk, an HTTP load generator."""

    per_s: float
    p50_ms: float
    p99_ms: float


def measure(bench: Bench) -> Iterator[Figure]:
    """Load the gateway and the bare service alternately with wrk, an HTTP load generator."""
    wrk = shutil.which("wrk")
    if wrk is None:
        for name in NAMES:
            yield Figure(name, None, "skipped: wrk is not on PATH; on Debian: apt-get install wrk")
        return
    with open_stack(bench, environ=FIXED) as stack:
        body = _warmed(stack.url + QUERY)
        with bare_service(stack, body, folder=bench.new_folder("bare")) as bare:
            reports: list[WrkReport] = []

            def ours() -> float:
                reports.append(run_wrk(wrk, stack.url + QUERY, seconds=bench.pick(6, 2)))
                return reports[-1].per_s

            def theirs() -> float:
                return run_wrk(wrk, bare.url, seconds=bench.pick(6, 2)).per_s

            compared = interleaved(ours, theirs, rounds=bench.pick(5, 2))
            with Usage({"gateway": [stack.gateway.pid or 0], "Redis": [stack.redis.pid or 0]}) as usage:
                ours()
    note = (
        f"{compared.ours_median:.0f} requests/s, bare FastAPI {compared.theirs_median:.0f}/s, "
        f"{len(body)} bytes per answer, wrk with one thread on the same cores; cores used: {usage.summary()}"
    )
    yield Figure("cache.hit.rps_ratio", compared.ours_over_theirs, note)
    # The first run was a warm-up, and the last run measured CPU use.
    yield _tail(reports[1:-1])


def _tail(reports: Sequence[WrkReport]) -> Figure:
    p50_ms = statistics.median(report.p50_ms for report in reports)
    p99_ms = statistics.median(report.p99_ms for report in reports)
    tail = statistics.median(report.p99_ms / report.p50_ms for report in reports)
    note = f"p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms at {CONNECTIONS} connections"
    return Figure("cache.hit.p99_over_p50", tail, note)


def run_wrk(wrk: str, url: str, *, seconds: int) -> WrkReport:
    """Run wrk once.

    Raises:
        RuntimeError: an answer had an error status, or a connection broke.
    """
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"wrk saw failures:\n{text}")
    per_s = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if per_s is None:
        raise RuntimeError(f"wrk answered otherwise than expected:\n{text}")
    return WrkReport(float(per_s[1]), _percentile_ms(text, 50), _percentile_ms(text, 99))


def _percentile_ms(text: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)$", text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk named no {percent}th percentile:\n{text}")
    return float(found[1]) * _UNITS_MS[found[2]]


def _warmed(url: str) -> bytes:
    """Send the query twice; return the second answer, which comes from the cache."""
    for _ in range(2):
        answer = httpx.get(url, timeout=60)
        answer.raise_for_status()
    if answer.headers["x-cache"] != "hit":
        raise RuntimeError("a repeated query was not answered from the cache")
    return answer.content
