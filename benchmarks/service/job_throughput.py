"""Measure jobs per second with a model that takes no time, and name the bottleneck."""

from collections.abc import Iterator

import psutil

from benchmarks.clients.load import Plan, run_clients
from benchmarks.clients.texts import words_of
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.cpu_usage import Usage, roots_of
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import FIXED, open_stack

NAMES = ("broker.ceiling.jobs_s",)
CLIENTS = 64
#: The number of albums in the catalog, so few that a search takes almost no time.
ALBUMS = 50
#: A process that uses at least this share of one core is saturated, because Python runs one thread at a time.
FULL_SHARE = 0.9


def measure(bench: Bench) -> Iterator[Figure]:
    """Load one worker, then two workers; the figure is the higher throughput."""
    words = words_of(bench.model())
    notes = []
    rates = []
    for workers in (1, 2):
        with open_stack(bench, workers=workers, albums=ALBUMS, environ=FIXED) as stack:
            plan = Plan(stack.url, CLIENTS, warm_up_s=2, seconds=bench.pick(10, 3), seed=workers, words=words)
            with Usage(roots_of(stack, postgres=bench.postgres.pid)) as usage:
                report = run_clients(plan)
        rates.append(report.per_s)
        notes.append(
            f"{workers} worker(s): {report.per_s:.0f}/s, {saturated(usage.shares)}; "
            f"cores used: {usage.summary()}"
        )
    yield Figure("broker.ceiling.jobs_s", max(rates), "; ".join(notes))


def saturated(shares: dict[str, float]) -> str:
    """Describe which process is saturated, if any."""
    name, share = max(shares.items(), key=lambda item: item[1])
    if share >= FULL_SHARE:
        return f"saturated first: {name} ({share:.2f} of a core)"
    cores = psutil.cpu_count() or 1
    return f"no process saturates a core; all processes and the clients share {cores} cores"
