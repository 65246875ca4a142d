"""docs/faults.md shows the latest measurements and has no row for a fault that was not measured."""

import json
from pathlib import Path
from typing import Any

from benchmarks.faults import table as faults
from benchmarks.faults.__main__ import RESULTS as FAULTS_RESULTS
from benchmarks.faults.all_faults import FAULTS
from benchmarks.harness.docs_section import shown
from benchmarks.soak import table as soak
from benchmarks.soak.__main__ import RESULTS as SOAK_RESULTS
from tests.paths import ROOT

DOCUMENT = ROOT / "docs" / "faults.md"
FIELDS = {"name", "accepted", "lost", "unfinished", "extra_results", "recovery_s", "met", "note"}


def read(results: Path) -> Any:
    return json.loads(results.read_text()) if results.exists() else None


def test_the_document_shows_each_fault_as_measured() -> None:
    outcomes = read(FAULTS_RESULTS)

    assert shown(DOCUMENT, "faults") == ("" if outcomes is None else faults.table(outcomes))
    assert all(set(outcome) == FIELDS for outcome in outcomes or ())
    assert outcomes is None or len(outcomes) == len(FAULTS)


def test_the_document_shows_the_soak_as_measured() -> None:
    measured = read(SOAK_RESULTS)

    assert shown(DOCUMENT, "soak") == ("" if measured is None else soak.table(measured))
