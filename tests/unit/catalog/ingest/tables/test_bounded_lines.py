"""Lines are read in bounded memory, runs of blank lines are joined, and every line end counts once."""

import io
import random
import re

import pytest

from catalog.ingest.tables import bounded_lines as module
from catalog.ingest.tables.bounded_lines import CSV_LINE, JSON_LINE, bounded_lines, line_count

LONGEST, LARGEST_CHUNK = 12, 5


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROW_MAX_CHARS", LONGEST)
    monkeypatch.setattr(module, "_CHUNK_CHARS", 3)
    monkeypatch.setattr(module, "_LARGEST_CHUNK_CHARS", LARGEST_CHUNK)


def read(text: str, kind: "re.Pattern[str]") -> list[str]:
    return list(bounded_lines(io.StringIO(text, newline="" if kind is CSV_LINE else "\n"), kind))


def random_text(seed: int) -> str:
    dice = random.Random(seed)
    return "".join(dice.choice(["a", "b", "a" * 5, "\n", "\r", "\r\n", "\n\n"]) for _ in range(40))


@pytest.mark.parametrize("kind", [CSV_LINE, JSON_LINE])
@pytest.mark.parametrize("seed", range(200))
def test_short_lines_are_read_as_they_are(kind: "re.Pattern[str]", seed: int) -> None:
    newline = "" if kind is CSV_LINE else "\n"
    text = random_text(seed)
    expected = list(io.StringIO(text, newline=newline))
    if max(map(len, expected)) > LONGEST:
        text = text.replace("a", "")
        expected = list(io.StringIO(text, newline=newline))

    lines = read(text, kind)

    assert "".join(lines) == text
    assert [line.strip() for line in lines if line.strip()] == [e.strip() for e in expected if e.strip()]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("length", range(LONGEST - 2, LONGEST + 12))
def test_a_long_line_is_cut_and_the_next_line_is_whole(end: str, length: int) -> None:
    lines = read(f"id{end}{'x' * length}{end}next{end}{end}last", CSV_LINE)

    assert lines[0] == f"id{end}"
    assert [line.strip() for line in lines[2:] if line.strip()] == ["next", "last"]
    assert lines[1].rstrip() in {"x" * length, "x" * LONGEST}
    assert (len(lines[1].rstrip() + end) > LONGEST) == (length + len(end) > LONGEST)
    assert len(lines[1]) <= LONGEST + LARGEST_CHUNK + len(end)
    assert sum(map(line_count, lines)) == 4


def test_a_long_line_at_the_end_of_the_file_is_cut() -> None:
    assert read("x" * 50, CSV_LINE) == ["x" * LONGEST + "\n"]


def test_a_carriage_return_is_part_of_a_json_line() -> None:
    assert read('{"a":\r1}\n2', JSON_LINE) == ['{"a":\r1}\n', "2"]


def test_blank_lines_are_read_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    lines = read("a\n" + "\r\n" * 1_000_000 + "b\n", CSV_LINE)

    assert len(lines) < 100
    assert sum(map(line_count, lines)) == 1_000_002
