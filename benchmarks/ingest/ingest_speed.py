"""The benchmark family `ingest`: an ingest's speed, its effect on searches, and a music library's scan."""

from collections.abc import Iterator

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.ingest import music_scan, search_latency, throughput

NAMES = (throughput.NAME, search_latency.NAME, *music_scan.NAMES)


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure a local ingest, searches during an ingest on a worker, and the scan of a music library."""
    yield throughput.measure(bench)
    yield search_latency.measure(bench)
    yield from music_scan.measure(bench)
