"""A report of an ingest is read from JSON as it was written, and its texts are bounded."""

import orjson
import pytest

from common.ingest_reports.report import (
    LEFT_OUT_LISTED,
    IngestPhase,
    IngestReport,
    IngestState,
    LeftOut,
    read_report,
)


def report(**changes: object) -> IngestReport:
    fields: dict[str, object] = {
        "id": "a",
        "name": "Music",
        "source": "music",
        "state": IngestState.RUNNING,
        "phase": IngestPhase.ALBUMS,
        "done": 3,
        "total": 10,
        "per_s": 1.5,
        "elapsed_s": 2.0,
    }
    return IngestReport(**(fields | changes))  # type: ignore[arg-type]


def test_a_report_is_read_as_it_was_written() -> None:
    written = report(
        added=2, left_out_by_reason={"missing_cover": 1}, left_out=(LeftOut(7, "x", "missing_cover", "none"),)
    )

    assert read_report(written.to_json()) == written


def test_a_report_of_another_version_is_ignored() -> None:
    document = orjson.loads(report().to_json())

    assert read_report(orjson.dumps(document | {"version": 2})) is None


def test_a_field_that_this_release_does_not_know_is_ignored() -> None:
    document = orjson.loads(report().to_json())

    assert read_report(orjson.dumps(document | {"colour": "red"})) == report()


def test_a_field_of_a_left_out_album_that_this_release_does_not_know_is_ignored() -> None:
    line = LeftOut(7, "x", "missing_cover", "none")
    written = report(left_out=(line,))
    document = orjson.loads(written.to_json())
    document["left_out"][0]["colour"] = "red"

    assert read_report(orjson.dumps(document)) == written


@pytest.mark.parametrize("change", [{"phase": "prints"}, {"state": "paused"}, {"left_out": [{"row": 1}]}])
def test_a_report_that_only_a_later_release_can_read_is_ignored(change: dict[str, object]) -> None:
    document = orjson.loads(report().to_json())

    assert read_report(orjson.dumps(document | change)) is None


def test_long_and_broken_texts_are_shortened_so_that_a_report_stays_small() -> None:
    line = LeftOut(1, "i" * 9000, "missing_cover", "\udcff" + "é" * 9000)
    written = report(name="n" * 9000, error="e" * 9000, left_out=(line,) * LEFT_OUT_LISTED)

    text = written.to_json()

    assert len(text) < 64 * 1024
    read = read_report(text)
    assert read is not None
    assert read.name == "n" * 199 + "…"
    assert read.left_out[0].detail == "?" + "é" * 398 + "…"
