"""The family `ingest` of `make bench`: the speed of an ingest, and its effect on searches."""

from collections.abc import Iterator

from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure
from benchmarks.ingest import search_latency, throughput

NAMES = (throughput.NAME, search_latency.NAME)


def measure(bench: Bench) -> Iterator[Figure]:
    """Compare a local ingest with the bare encoder, then ingest on a worker during searches."""
    yield throughput.measure(bench)
    yield search_latency.measure(bench)
