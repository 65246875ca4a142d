"""Tables are read row by row; what is broken costs its own row."""

from pathlib import Path

import pytest

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables import open_table
from common.errors import SettingsError


def table(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_spreadsheets_csv_is_read_with_its_mark_and_line_ends(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", '\ufeffid,title\r\n1,"a, ""b""\r\nc"\r\n\r\n2,d\r\n'.encode())

    opened = open_table(path)

    assert opened.columns == ("id", "title")
    assert opened.count == 2
    assert [row.cells for row in opened.rows()] == [
        {"id": "1", "title": 'a, "b"\r\nc'},
        {"id": "2", "title": "d"},
    ]


def test_broken_rows_keep_their_numbers(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", b'id,title\n1,a\n2,"b"x\n3,c,d\n4,e\n')

    rows = list(open_table(path).rows())

    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert [isinstance(row.cells, RowFault) for row in rows] == [False, True, True, False]


@pytest.mark.parametrize("sixth", ["6,plain", '6,"a, b"'])
def test_a_quote_that_nobody_closes_costs_its_own_row_alone(tmp_path: Path, sixth: str) -> None:
    lines = ["id,title", *(f"{n},title {n}" for n in range(1, 11))]
    lines[3] = '3,"open'
    lines[6] = sixth
    path = table(tmp_path, "a.csv", "\n".join(lines).encode())

    opened = open_table(path)
    rows = list(opened.rows())

    assert opened.count == 10
    assert [row.number for row in rows if isinstance(row.cells, RowFault)] == [3]
    assert {row.number: row.cells["id"] for row in rows if not isinstance(row.cells, RowFault)} == {
        n: str(n) for n in range(1, 11) if n != 3
    }


def test_rows_are_counted_and_lines_are_told(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", b'id,title\n1,"two\nlines"\n\n2,"open\n3,"two\r\nlines"\n4,x\n')

    rows = list(open_table(path).rows())

    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert rows[0].cells == {"id": "1", "title": "two\nlines"}
    assert isinstance(rows[1].cells, RowFault)
    assert rows[1].cells.detail.startswith("line 5:")
    assert rows[2].cells == {"id": "3", "title": "two\r\nlines"}


def test_a_cell_without_end_is_given_up_before_the_file_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.ingest.tables.CELL_MAX_CHARS", 50)
    path = table(tmp_path, "a.csv", b'id,title\n1,"open\n' + b"2,a plain row\n" * 100)

    rows = list(open_table(path).rows())

    assert [isinstance(row.cells, RowFault) for row in rows] == [True] + 100 * [False]


def test_a_header_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="header"):
        open_table(table(tmp_path, "a.csv", b'id,"title\n1,a\n'))


def test_lines_of_json_are_objects_or_faults(tmp_path: Path) -> None:
    path = table(tmp_path, "a.jsonl", b'{"id":1}\n\n[1]\n{"id":\n{"other":2}\n')

    opened = open_table(path)

    assert opened.columns == ("id", "other")
    assert [isinstance(row.cells, RowFault) for row in opened.rows()] == [False, True, True, False]


@pytest.mark.parametrize(("name", "content"), [("a.csv", b""), ("a.jsonl", b"\n"), ("a.txt", b"id\n1\n")])
def test_a_file_without_a_table_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(SettingsError):
        open_table(table(tmp_path, name, content))
