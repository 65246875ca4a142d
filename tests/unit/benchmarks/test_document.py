"""docs/performance.md shows what was measured last."""

import json

from benchmarks.__main__ import RESULTS
from benchmarks.measured import shown
from benchmarks.speed.table import table
from benchmarks.speed.targets import TARGETS
from local.options import ROOT


def test_the_document_shows_each_figure_as_it_was_measured() -> None:
    rows = json.loads(RESULTS.read_text())

    assert shown(ROOT / "docs" / "performance.md", "speed").endswith(table(rows))
    assert [row["name"] for row in rows] == list(TARGETS)
