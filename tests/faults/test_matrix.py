"""Run each fault of the matrix with small counts; check the service's behaviour but not the times."""

from pathlib import Path

import pytest

from benchmarks.faults.all_faults import FAULTS
from benchmarks.faults.catalog_server import CatalogServer


@pytest.mark.parametrize("name", FAULTS)
async def test_under_each_fault_no_job_is_lost_late_or_duplicated(
    name: str, catalog_server: CatalogServer, tmp_path: Path
) -> None:
    outcome = await FAULTS[name](catalog_server, tmp_path, short=True)

    assert (outcome.lost, outcome.unfinished, outcome.extra_results) == (0, 0, 0), outcome.note
    assert outcome.broken == (), outcome.note
