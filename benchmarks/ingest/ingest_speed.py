"""The benchmark family `ingest`: the speed of an ingest, and its effect on searches."""

from collections.abc import Iterator

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.ingest import search_latency, throughput

NAMES = (throughput.NAME, search_latency.NAME)


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure a local ingest's speed, then the latency of searches during an ingest on a worker."""
    yield throughput.measure(bench)
    yield search_latency.measure(bench)
