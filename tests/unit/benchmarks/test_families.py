import pytest

from benchmarks.harness.performance_targets import TARGETS
from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

from benchmarks.all_benchmarks import FAMILIES, families_of

#: The names of the figures that the project has promised to measure.
PROMISED = {
    "encoder.image.b1.speedup",
    "encoder.text.b1.speedup",
    "encoder.text.b32.speedup",
    "encoder.int8.image.speedup",
    "encoder.int8.text.speedup",
    "encoder.parity.cosine_min",
    "decode.12mp.speedup",
    "encoder.image.of_peak",
    "e2e.idle.overhead_share",
    "e2e.text.c32.efficiency",
    "e2e.image.c32.efficiency",
    "cache.hit.rps_ratio",
    "cache.hit.p99_over_p50",
    "embedding_cache.speedup",
    "stampede.embeddings",
    "wait.wakeup_ms_p50",
    "waiters.10k.rss_mb",
    "scale.workers.8.efficiency",
    "broker.ceiling.jobs_s",
    "catalog.search.overhead",
    "ingest.covers.efficiency",
    "ingest.bulk.p95_ratio",
    "ingest.music.scan_ratio",
    "ingest.music.memory_growth",
    "worker.rss_mb",
    "worker.ready_s",
}


def test_exactly_one_family_measures_each_promised_figure() -> None:
    measured = [name for family in FAMILIES.values() for name in family.names]

    assert set(measured) >= PROMISED
    assert any(name.startswith("gpu.") for name in measured)
    assert len(measured) == len(set(measured))


def test_every_measured_figure_has_a_target() -> None:
    measured = {name for family in FAMILIES.values() for name in family.names}

    assert measured == set(TARGETS)


def test_the_name_of_a_figure_selects_its_family() -> None:
    assert families_of(["worker.ready_s", "cache"]) == ["cache", "worker"]
