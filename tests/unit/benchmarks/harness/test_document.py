"""docs/performance.md, docs/gpu.md and docs/security.md show the latest measurements."""

import json

import pytest

from benchmarks.costly_images import table as costly_images
from benchmarks.costly_images.__main__ import RESULTS as COSTLY_IMAGES
from benchmarks.costly_images.families import FAMILIES
from benchmarks.harness.docs_section import shown
from benchmarks.harness.performance_targets import TARGETS
from benchmarks.harness.table import table
from common.images.cost.estimate import MAX_COST_S
from tests.optional_packages import NEEDS_TORCH
from tests.paths import ROOT

pytest.importorskip("torch", reason=NEEDS_TORCH)

from benchmarks.__main__ import RESULTS, of_cpu_and_gpu


def test_the_document_shows_each_figure_as_measured() -> None:
    rows = json.loads(RESULTS.read_text())

    on_cpu, on_gpu = of_cpu_and_gpu(rows)
    assert shown(ROOT / "docs" / "performance.md", "speed").endswith(table(on_cpu))
    assert shown(ROOT / "docs" / "gpu.md", "gpu") == table(on_gpu)
    assert [*on_cpu, *on_gpu] == rows
    assert [row["name"] for row in rows] == list(TARGETS)


def test_the_document_shows_the_most_expensive_images_as_measured() -> None:
    found = json.loads(COSTLY_IMAGES.read_text())

    assert shown(ROOT / "docs" / "security.md", "costly images") == costly_images.table(found)
    assert [(each["format"], each["family"]) for each in found] == [(f.format, f.name) for f in FAMILIES]
    # Decoding any accepted file takes less than 1.25 times the limit of CPU time.
    assert max(each["measured_s"] for each in found) < 1.25 * MAX_COST_S
