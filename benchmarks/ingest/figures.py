"""The family `ingest` of `make bench`: how fast covers get in, and what searches notice of it."""

from collections.abc import Iterator

from benchmarks.ingest import bulk, efficiency
from benchmarks.speed.bench import Bench
from benchmarks.speed.rows import Figure

NAMES = (efficiency.NAME, bulk.NAME)


def measure(bench: Bench) -> Iterator[Figure]:
    """Ingest on this machine beside the bare encoder, then on a worker beside searches."""
    yield efficiency.measure(bench)
    yield bulk.measure(bench)
