"""Tests of the progress lines that `make run` prints if its output is not a terminal."""

from local.progress_lines import INTERVAL_S, ProgressLines


def test_a_line_is_printed_once_in_each_interval() -> None:
    lines: list[str] = []
    now = 0.0
    progress = ProgressLines(lines.append, name="demo catalog", total=2000, clock=lambda: now)

    for _ in range(10):
        now += INTERVAL_S / 2
        progress.advance(50)

    assert lines == [f"demo catalog: {done} of 2000" for done in (100, 200, 300, 400, 500)]


def test_a_short_load_prints_no_line() -> None:
    lines: list[str] = []
    progress = ProgressLines(lines.append, name="demo catalog", total=20, clock=lambda: 0.0)

    progress.advance(20)

    assert lines == []
