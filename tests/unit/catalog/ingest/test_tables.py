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


def test_lines_of_json_are_objects_or_faults(tmp_path: Path) -> None:
    path = table(tmp_path, "a.jsonl", b'{"id":1}\n\n[1]\n{"id":\n{"other":2}\n')

    opened = open_table(path)

    assert opened.columns == ("id", "other")
    assert [isinstance(row.cells, RowFault) for row in opened.rows()] == [False, True, True, False]


@pytest.mark.parametrize(("name", "content"), [("a.csv", b""), ("a.jsonl", b"\n"), ("a.txt", b"id\n1\n")])
def test_a_file_without_a_table_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(SettingsError):
        open_table(table(tmp_path, name, content))
