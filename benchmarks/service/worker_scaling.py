"""Compare the throughput of one, two, four and eight workers whose model only sleeps."""

from collections.abc import Iterator

from benchmarks.clients.load import Plan, run_clients
from benchmarks.clients.texts import words_of
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import FIXED, open_stack

NAMES = ("scale.workers.8.efficiency",)
LATENCY_MS = 150
WORKERS = (1, 2, 4, 8)
#: Settings for one query per forward pass, which limit n workers to n * 1000 / LATENCY_MS queries per second.
#: Each worker has two threads, because a worker has by default twice as many threads as its maximum batch
#: size.
SLEEPING = {**FIXED, "FIXED_LATENCY_MS": str(LATENCY_MS), "BATCH_MAX": "1", "WORKER_CONCURRENCY": "2"}


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure the throughput of each number of workers, with four clients per worker."""
    words = words_of(bench.model())
    per_s = {}
    for workers in WORKERS:
        with open_stack(bench, workers=workers, environ=SLEEPING) as stack:
            plan = Plan(
                stack.url,
                clients=4 * workers,
                warm_up_s=bench.pick(3, 2),
                seconds=bench.pick(10, 3),
                seed=workers,
                words=words,
            )
            per_s[workers] = run_clients(plan).per_s
    efficiency = per_s[8] / (8 * per_s[1])
    each = ", ".join(f"{n}: {rate:.1f}" for n, rate in per_s.items())
    note = (
        f"queries/s by workers: {each}; the model sleeps {LATENCY_MS} ms for each query, so that two "
        f"cores are not the limit"
    )
    yield Figure("scale.workers.8.efficiency", efficiency, note)
