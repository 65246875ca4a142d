"""The family `ingest` of `make bench`: how fast covers get in, and what searches notice of it."""

from collections.abc import Iterator

from benchmarks.harness.bench import Bench
from benchmarks.harness.figures import Figure
from benchmarks.ingest import search_latency, throughput

NAMES = (throughput.NAME, search_latency.NAME)


def measure(bench: Bench) -> Iterator[Figure]:
    """Ingest on this machine beside the bare encoder, then on a worker beside searches."""
    yield throughput.measure(bench)
    yield search_latency.measure(bench)
