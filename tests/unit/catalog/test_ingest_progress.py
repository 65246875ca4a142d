"""The progress of an ingest counts the items of its present phase."""

from pathlib import Path

from catalog.ingest.rejection import Rejected
from catalog.ingest.report import Report
from catalog.ingest_progress import Counts, IngestProgress, folder_ingest_id
from common.ingest_reports.report import LEFT_OUT_LISTED, IngestPhase, IngestState
from tests.clock import Clock


def test_a_report_has_the_rate_and_the_items_of_the_present_phase() -> None:
    clock = Clock()
    progress = IngestProgress(ingest_id="a", name="Music", source="music", clock=clock)
    progress.begin(IngestPhase.TAGS, total=50)
    progress.advance(50)
    clock.now_s += 10

    progress.begin(IngestPhase.ALBUMS, total=9)
    progress.skip(2)
    clock.now_s += 2
    progress.advance(4)
    found = progress.report()

    assert (found.state, found.phase) == (IngestState.RUNNING, IngestPhase.ALBUMS)
    assert (found.done, found.total, found.per_s, found.elapsed_s) == (6, 9, 2.0, 12.0)


def test_a_report_has_the_counts_and_the_first_rejected_rows(tmp_path: Path) -> None:
    progress = IngestProgress(ingest_id="a", name="t.csv", source="table")
    progress.counts = lambda: Counts(added=5, changed=4, unchanged=3)
    with Report(tmp_path / "rejected.csv") as rejected:
        progress.rejected = rejected
        for row in range(1, LEFT_OUT_LISTED + 11):
            rejected.add(Rejected(row, f"id {row}", "missing_cover", "no file"))
        found = progress.report()

    assert (found.added, found.changed, found.unchanged) == (5, 4, 3)
    assert found.left_out_by_reason == {"missing_cover": LEFT_OUT_LISTED + 10}
    assert [one.row for one in found.left_out] == [*range(1, LEFT_OUT_LISTED + 1)]


def test_all_ingests_of_a_folder_have_the_same_id(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    assert folder_ingest_id(tmp_path / "link") == folder_ingest_id(tmp_path)
    assert folder_ingest_id(tmp_path / "other") != folder_ingest_id(tmp_path)
