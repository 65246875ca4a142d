"""The report of rejected rows exists only if it has rows."""

from pathlib import Path

import pytest

from catalog.ingest.rejection import Rejected
from catalog.ingest.report import Report


@pytest.mark.parametrize("name", ["rejected.csv", "rejected.jsonl"])
def test_a_report_without_rows_is_removed_with_the_report_of_an_earlier_run(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_text("a row of an earlier run\n")

    with Report(path):
        assert path.exists()

    assert not path.exists()


@pytest.mark.parametrize("name", ["rejected.csv", "rejected.jsonl"])
def test_a_report_with_a_row_is_kept(tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    with Report(path) as report:
        report.add(Rejected(1, "a", "missing_cover", "no file"))

    assert "missing_cover" in path.read_text()


def test_a_report_that_another_process_writes_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"

    with Report(path) as other:
        with Report(path):
            pass
        other.add(Rejected(1, "a", "missing_cover", "no file"))

    assert "missing_cover" in path.read_text()


@pytest.mark.parametrize("name", ["rejected.csv", "rejected.jsonl"])
@pytest.mark.parametrize("last", [0, 1])
def test_reports_in_the_same_file_keep_the_lines_of_all(tmp_path: Path, name: str, last: int) -> None:
    path, alone = tmp_path / name, tmp_path / f"alone-{name}"
    lines = [Rejected(number, "a", "missing_cover", "no file") for number in range(3)]
    with Report(alone) as report:
        for line in lines:
            report.add(line)

    reports = [Report(path).__enter__()]
    reports[0].add(lines[0])
    reports.append(Report(path).__enter__())
    reports[1].add(lines[1])
    reports[0].add(lines[2])
    for number in (1 - last, last):
        reports[number].__exit__()

    assert path.read_text() == alone.read_text()


def test_an_idle_report_keeps_the_lines_of_a_report_that_ended(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"

    with Report(path), Report(path) as other:
        other.add(Rejected(1, "a", "missing_cover", "no file"))

    assert "missing_cover" in path.read_text()


def test_an_empty_report_to_a_link_keeps_the_link_and_its_target(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "rejected.csv"
    target.touch()
    link.symlink_to(target)

    with Report(link):
        pass

    assert link.is_symlink()
    assert target.exists()


def test_an_empty_report_to_a_device_keeps_the_device() -> None:
    with Report(Path("/dev/null")):
        pass

    assert Path("/dev/null").is_char_device()


def test_a_path_that_cannot_be_written_is_reported_before_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Report(tmp_path / "no folder" / "rejected.csv")
