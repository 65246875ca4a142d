"""Tables are read row by row, and a broken row does not affect other rows."""

import gzip
import io
import json
import math
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from pyarrow import parquet

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables import csv_rows
from catalog.ingest.tables.bounded_lines import (
    CELL_TOO_LONG,
    ROW_ELEMENTS_MAX,
    ROW_MAX_CHARS,
    TOO_LONG,
    TOO_MANY_ELEMENTS,
)
from catalog.ingest.tables.csv_rows import AboveHeader, CsvFile
from catalog.ingest.tables.parquet_page_sizes import column_pages
from catalog.ingest.tables.parquet_rows import PAGE_MAX_BYTES, ParquetFile
from catalog.ingest.tables.raw_row import Cells, RawRow, UnreadableCell
from catalog.ingest.tables.table import open_table
from catalog.ingest.tables.text_file import find_text
from common.errors import SettingsError


def table(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_spreadsheet_csv_with_bom_and_crlf_is_read(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", '\ufeffid,title\r\n1,"a, ""b""\r\nc"\r\n\r\n2,d\r\n'.encode())

    opened = open_table(path)

    assert opened.columns == ("id", "title")
    assert opened.count == 2
    assert [row.cells for row in opened.rows()] == [
        {"id": "1", "title": 'a, "b"\r\nc'},
        {"id": "2", "title": "d"},
    ]


def test_broken_rows_keep_their_row_numbers(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", b'id,title\n1,a\n2,"b"x\n3,c,d\n4,e\n')

    rows = list(open_table(path).rows())

    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert [isinstance(row.cells, RowFault) for row in rows] == [False, True, True, False]


@pytest.mark.parametrize("sixth", ["6,plain", '6,"a, b"'])
def test_an_unclosed_quote_rejects_only_its_own_row(tmp_path: Path, sixth: str) -> None:
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


def test_faults_report_row_and_line_numbers(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", b'id,title\n1,"two\nlines"\n\n2,"open\n3,"two\r\nlines"\n4,x\n')

    rows = list(open_table(path).rows())

    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert rows[0].cells == {"id": "1", "title": "two\nlines"}
    assert isinstance(rows[1].cells, RowFault)
    assert rows[1].cells.detail.startswith("line 5:")
    assert rows[2].cells == {"id": "3", "title": "two\r\nlines"}


def test_an_endless_cell_is_rejected_before_the_end_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.ingest.tables.csv_rows.CELL_MAX_CHARS", 50)
    path = table(tmp_path, "a.csv", b'id,title\n1,"open\n' + b"2,a plain row\n" * 100)

    rows = list(open_table(path).rows())

    assert [isinstance(row.cells, RowFault) for row in rows] == [True] + 100 * [False]


class CountingLines(csv_rows._Lines):
    """Lines that count the characters that were read from them."""

    chars = 0

    def __next__(self) -> str:
        line = super().__next__()
        self.chars += len(line)
        return line


def test_an_unclosed_quote_in_every_line_is_read_in_linear_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "ROW_MAX_CHARS", 4096)
    monkeypatch.setattr(csv_rows, "REREAD_MAX_CHARS", 8192, raising=False)
    text = 'a","b\n' * 20_000

    lines = CountingLines(io.StringIO(text), AboveHeader())
    records = list(csv_rows._records(lines, ","))

    assert len(records) == 20_000
    assert all(isinstance(record, RowFault) for record in records)
    assert lines.chars < 8192 + 2 * csv_rows.REREAD_SHARE * len(text)


def test_rows_of_several_lines_are_read_among_a_thousand_unclosed_quotes(tmp_path: Path) -> None:
    unclosed = 'a","b\n' * 1000
    path = table(tmp_path, "a.csv", f'id,title\n{unclosed}1,"two\nlines"\n{unclosed}2,"of\ntwo"\n'.encode())

    rows = [row for row in open_table(path).rows() if not isinstance(row.cells, RowFault)]

    assert {"id": "1", "title": "two\nlines"} in [row.cells for row in rows]
    assert {"id": "2", "title": "of\ntwo"} in [row.cells for row in rows]


def test_thousands_of_columns_with_one_name_are_numbered(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", ",".join(["title"] * 20_000).encode() + b"\n1\n")

    columns = open_table(path).reader.columns  # type: ignore[attr-defined]

    assert columns[:2] == ("title", "title (2)")
    assert columns[-1] == "title (20000)"
    assert len(set(columns)) == 20_000


def test_an_unreadable_header_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="header"):
        open_table(table(tmp_path, "a.csv", b'id,"title\n1,a\n'))


def test_each_json_line_is_a_row_or_a_fault(tmp_path: Path) -> None:
    path = table(tmp_path, "a.jsonl", b'{"id":1}\n\n[1]\n{"id":\n{"other":2}\n')

    opened = open_table(path)

    assert opened.columns == ("id", "other")
    assert [isinstance(row.cells, RowFault) for row in opened.rows()] == [False, True, True, False]


@pytest.mark.parametrize(("name", "content"), [("a.csv", b""), ("a.jsonl", b"\n"), ("a.txt", b"id\n1\n")])
def test_a_file_without_a_table_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(SettingsError):
        open_table(table(tmp_path, name, content))


#: Rows with decimal commas, line breaks, and separators within cells.
ALBUMS: list[Cells] = [
    {"id": "1", "title": "Earth, Wind & Fire", "score": "8,7"},
    {"id": "2", "title": "a;b\tc|d", "score": "7,0"},
    {"id": "3", "title": 'two\nlines, "quoted"', "score": ""},
]


def as_csv(separator: str, *, end: str = "\n") -> str:
    quoted = [[f'"{str(cell).replace(chr(34), chr(34) * 2)}"' for cell in row.values()] for row in ALBUMS]
    return end.join(separator.join(row) for row in [list(ALBUMS[0]), *quoted]) + end


def cells(path: Path, *, encoding: str | None = None) -> list[object]:
    return [row.cells for row in open_table(path, encoding=encoding).rows()]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "tab"])
@pytest.mark.parametrize(
    ("separator", "name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_the_separator_of_a_csv_is_detected(tmp_path: Path, suffix: str, separator: str, name: str) -> None:
    path = table(tmp_path, f"a.{suffix}", as_csv(separator).encode())

    assert cells(path) == ALBUMS
    assert f"CSV with {name}" in open_table(path).described()


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        # In this file, column names and most cells contain other separators.
        ("id;artist, main;title, full\n1;A, B;C\n2;D, E;F, G\n", ("id", "artist, main", "title, full")),
        ('id,artist,"tags;moods"\n1,A,x;y\n2,B,z;w\n3,C\n', ("id", "artist", "tags;moods")),
        ("id\tartist\n1\tA, B, C\n2\tD, E; F\n", ("id", "artist")),
        # Rows lack their last cells, or end with the empty cells that spreadsheets write.
        ("id;artist;title\n1;A\n2;B;C\n3;D;E\n", ("id", "artist", "title")),
        ("id;artist\n1;A;;\n2;B;;\n", ("id", "artist")),
        ("id;artist\n", ()),
        ("id\n1\n2\n", ("id",)),
        ("sep=;\nid;artist\n1;A\n", ("id", "artist")),
        ("sep=|\r\nid|a;b\r\n1|A\r\n", ("id", "a;b")),
        ("\n\nid;artist\n1;A\n", ("id", "artist")),
        ("id;artist\r1;A\r2;B\r", ("id", "artist")),
    ],
)
def test_the_separator_is_detected_from_header_and_rows(
    tmp_path: Path, content: str, columns: tuple[str, ...]
) -> None:
    path = table(tmp_path, "a.csv", content.encode())

    if columns:
        assert open_table(path).columns == columns
    else:
        with pytest.raises(SettingsError, match="has no rows"):
            open_table(path)


def test_blank_lines_above_the_header_count_as_lines(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", b'\nsep=;\nid;title\n1;"open\n2;x\n')

    broken, whole = list(open_table(path).rows())

    assert isinstance(broken.cells, RowFault)
    assert broken.cells.detail.startswith("line 4:")
    assert whole.cells == {"id": "2", "title": "x"}


def test_unbalanced_quotes_in_a_tsv_are_text(tmp_path: Path) -> None:
    path = table(tmp_path, "a.tsv", b'id\ttitle\tyear\n1\t"Heroes" (remastered)\t2017\n2\t"open\t1999\n')

    assert cells(path) == [
        {"id": "1", "title": '"Heroes" (remastered)', "year": "2017"},
        {"id": "2", "title": '"open', "year": "1999"},
    ]


def test_duplicate_and_unnamed_columns_are_all_kept(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", b" ,id, title ,title,,title\n0,1,a,b,c,d\n")

    assert cells(path) == [
        {"Unnamed: 0": "0", "id": "1", "title": "a", "title (2)": "b", "Unnamed: 4": "c", "title (3)": "d"}
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_declared_encoding_is_used(tmp_path: Path, encoding: str, *, packed: bool) -> None:
    content = "id;artist\n1;Bj\u00f6rk and Sigur R\u00f3s and others\n"
    data = content.encode(encoding)
    path = table(tmp_path, "a.csv.gz" if packed else "a.csv", gzip.compress(data) if packed else data)

    assert cells(path) == [{"id": "1", "artist": "Bj\u00f6rk and Sigur R\u00f3s and others"}]


def test_an_encoding_can_be_given(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", "id,artist\n1,Bj\u00f6rk\n".encode("cp1252"))

    assert cells(path, encoding="windows-1252") == [{"id": "1", "artist": "Bj\u00f6rk"}]
    assert "CP1252" in open_table(path, encoding="windows-1252").described()
    with pytest.raises(SettingsError, match="--encoding klingon"):
        open_table(path, encoding="klingon")
    with pytest.raises(SettingsError, match="--encoding hex"):
        open_table(path, encoding="hex")


def test_an_undecodable_header_asks_for_the_encoding(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", "id,k\u00fcnstler\n1,A\n".encode("cp1252"))

    with pytest.raises(SettingsError, match="--encoding windows-1252"):
        open_table(path)
    assert open_table(path, encoding="latin-1").columns == ("id", "k\u00fcnstler")


def test_a_nul_byte_in_a_cell_does_not_change_the_detected_encoding(tmp_path: Path) -> None:
    path = table(tmp_path, "a.csv", b"id,artist\n1,A\x00\x00\x00\n")

    assert cells(path) == [{"id": "1", "artist": "A\x00\x00\x00"}]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "ndjson", "json"])
@pytest.mark.parametrize("named", [True, False])
def test_gzip_is_detected_by_content(tmp_path: Path, suffix: str, *, named: bool) -> None:
    text = {"csv": as_csv(","), "tsv": as_csv("\t"), "json": json.dumps(ALBUMS)}.get(
        suffix, "\n".join(json.dumps(row) for row in ALBUMS)
    )
    path = table(tmp_path, f"a.{suffix}{'.gz' if named else ''}", gzip.compress(text.encode()))

    assert cells(path) == ALBUMS
    assert open_table(path).described().endswith(", gzip, 3 rows")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json"])
@pytest.mark.parametrize("keep", [12, 200])
def test_truncated_gzip_is_reported(tmp_path: Path, suffix: str, keep: int) -> None:
    rows = [{"id": n, "title": hex(n**9)} for n in range(500)]
    text = json.dumps(rows) if suffix == "json" else "\n".join(json.dumps(row) for row in rows)
    path = table(tmp_path, f"a.{suffix}.gz", gzip.compress(text.encode())[:keep])

    with pytest.raises(SettingsError, match="cannot be unpacked"):
        open_table(path)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_is_read_object_by_object(tmp_path: Path, name: str, indent: int | None) -> None:
    path = table(tmp_path, name, json.dumps(ALBUMS, indent=indent).encode("utf-8-sig"))

    assert cells(path) == ALBUMS
    assert "a JSON array" in open_table(path).described()


def test_a_json_file_may_hold_json_lines(tmp_path: Path) -> None:
    path = table(tmp_path, "a.json", b'\n\n{"id": 1}\n{"id": 2}\n')

    assert cells(path) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("array", [True, False])
def test_nan_and_infinity_in_json_are_read(tmp_path: Path, *, array: bool) -> None:
    text = '{"id": 1, "score": NaN, "year": -Infinity, "title": "\\ud83d"}'
    path = table(tmp_path, "a.json", (f"[{text}]" if array else text).encode())

    (found,) = cells(path)

    assert isinstance(found, dict)
    assert (found["id"], str(found["score"]), found["title"]) == (1, "nan", "\ud83d")


def test_objects_across_read_boundaries_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ingest.tables.json_rows._CHUNK_CHARS", 3)
    values = [{"id": 12345, "title": 'a "quoted, [text] \\ '}, 1234567, [1, {"x": 2}], {}, {"id": 7}]
    path = table(tmp_path, "a.json", json.dumps(values).encode())

    found = cells(path)

    assert [isinstance(row, RowFault) for row in found] == [False, True, True, False, False]
    assert found[0] == values[0]
    assert found[4] == {"id": 7}


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": 1}',
        '[{"id": 1},',
        '[{"id": 1} {"id": 2}]',
        '[{"id": 1}, {"id": ]',
        '[{"id": 1}]\n[{"id": 2}]',
    ],
)
def test_a_truncated_json_array_is_refused_before_any_row_is_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="after 1 objects the array cannot be read"):
        open_table(table(tmp_path, "a.json", text.encode()))


def test_a_json_array_that_nests_too_deeply_is_refused_with_the_reason(tmp_path: Path) -> None:
    text = '[{"id": 1}, {"x": ' + "[" * 100_000 + "]" * 100_000 + "}]"

    with pytest.raises(SettingsError, match="too many levels of lists and objects"):
        open_table(table(tmp_path, "a.json", text.encode()))


def test_memory_does_not_grow_with_the_length_of_a_json_array(tmp_path: Path) -> None:
    row = json.dumps({"id": "x" * 100, "title": "y" * 900})
    path = table(tmp_path, "a.json", b"[" + b",".join([row.encode()] * 20_000) + b"]")

    tracemalloc.start()
    try:
        opened = open_table(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert opened.count == 20_000
    assert peak_bytes < 1 << 20 < path.stat().st_size


@pytest.mark.parametrize("name", ["a.xlsx", "a.gz", "a.parquet.gz", "a.csv.bz2", "a"])
def test_an_unsupported_file_type_lists_the_supported_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"a table ends in \.csv, .* \.parquet"):
        open_table(table(tmp_path, name, b"id\n1\n"))


#: A cell that is four times as long as the longest row that is read.
ENDLESS = "x" * (4 * ROW_MAX_CHARS)


@contextmanager
def little_memory() -> Iterator[None]:
    """Check that the `with` body never holds more memory than the longest row, its copies and one chunk."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 4 * ROW_MAX_CHARS
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("a.csv", ["id,title", "1,a", "\n2,ENDLESS", "3,c"]),
        ("a.csv", ["id,title", "1,a", '\n2,"ENDLESS"', "3,c"]),
        ("a.csv", ["id,title", "1,a", '\n2,"ENDLESS', "3,c"]),
        ("a.tsv", ["id\ttitle", "1\ta", "\n2\tENDLESS", "3\tc"]),
        ("a.jsonl", ["", '{"id": "1"}', '\n{"id": "ENDLESS"}', '{"id": "3"}']),
    ],
)
def test_an_endless_line_is_rejected_in_little_memory(tmp_path: Path, name: str, rows: list[str]) -> None:
    text = "\n".join(rows).replace("ENDLESS", ENDLESS)
    path = table(tmp_path, name, gzip.compress(text.encode(), 1))

    with little_memory():
        rows_read = list(open_table(path).rows())

    assert [isinstance(row.cells, RowFault) for row in rows_read] == [False, True, False]
    fault = rows_read[1].cells
    assert isinstance(fault, RowFault)
    assert fault.detail == f"line 4: the row is longer than {ROW_MAX_CHARS} characters"


def test_a_row_of_endless_short_lines_is_rejected(tmp_path: Path) -> None:
    # Each line closes a quote and opens the next one, so that the row never ends and grows by one cell per
    # line.
    lines = b'id,title\n1,"' + b'a","b\n' * (ROW_MAX_CHARS // 3)
    text = find_text(table(tmp_path, "a.csv", gzip.compress(lines, 1)), encoding=None)

    first = next(CsvFile(text, ",", ("id", "title"), AboveHeader()).rows())

    assert isinstance(first.cells, RowFault)
    assert first.cells.detail == f"line 2: the row is longer than {ROW_MAX_CHARS} characters"


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_an_endless_header_is_refused_in_little_memory(tmp_path: Path, name: str) -> None:
    text = f"id,{ENDLESS}" if name == "a.csv" else f'[{{"id": "{ENDLESS}"}}]'
    path = table(tmp_path, name, gzip.compress(text.encode(), 1))

    with little_memory(), pytest.raises(SettingsError, match=f"longer than {ROW_MAX_CHARS} characters"):
        open_table(path)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_cell_of_more_than_a_mebibyte_is_rejected(tmp_path: Path, separator: str) -> None:
    text = f"id{separator}title\n1{separator}{'x' * ((1 << 20) + 1)}\n2{separator}{'x' * (1 << 20)}\n"
    path = table(tmp_path, "a.csv", text.encode())

    rows = list(open_table(path).rows())

    assert [isinstance(row.cells, RowFault) for row in rows] == [True, False]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("above", [0, 1_000_000])
def test_a_million_blank_lines_count_and_take_little_memory(tmp_path: Path, end: str, above: int) -> None:
    text = end * above + f"id,title{end}1,a{end}" + end * 1_000_000 + f'2,"open{end}3,c{end}'
    path = table(tmp_path, "a.csv", text.encode())

    with little_memory():
        rows = list(open_table(path).rows())

    assert [row.number for row in rows] == [1, 2, 3]
    assert isinstance(rows[1].cells, RowFault)
    assert rows[1].cells.detail.startswith(f"line {above + 1_000_003}:")


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", '{{"id": 1}}{}{{"id": 2}}'), ("a.json", '[{{"id": 1}},{}{{"id": 2}}]')]
)
def test_a_million_blank_lines_between_objects_are_ignored(tmp_path: Path, name: str, text: str) -> None:
    path = table(tmp_path, name, text.format(" \t\r\n" * 1_000_000).encode())

    assert cells(path) == [{"id": 1}, {"id": 2}]


def test_long_rows_of_a_parquet_file_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"id": ["1", "2", "3"], "title": ["a", ENDLESS, "c"]}), path)

    rows = list(open_table(path).rows())

    assert [isinstance(row.cells, RowFault) for row in rows] == [False, True, False]
    assert rows[2].cells == {"id": "3", "title": "c"}


@pytest.mark.parametrize("kind", ["a.jsonl", "a.json", "a.parquet"])
def test_a_row_with_too_many_elements_is_rejected(tmp_path: Path, kind: str) -> None:
    tags = [[1] * ROW_ELEMENTS_MAX, [1] * (ROW_ELEMENTS_MAX + 2), [1]]
    rows = [{"id": f"{number}", "tags": each} for number, each in enumerate(tags)]
    path = tmp_path / kind
    match kind:
        case "a.jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case "a.json":
            path.write_text(json.dumps(rows))
        case _:
            parquet.write_table(pa.Table.from_pylist(rows), path)

    first, second, third = [read_or_detail(row) for row in open_table(path).rows()]

    assert (first, third) == (rows[0], rows[2])
    assert TOO_MANY_ELEMENTS in str(second)


@contextmanager
def little_arrow_memory(max_bytes: int) -> Iterator[None]:
    """Fail if pyarrow takes more memory at once."""
    before = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(before)
    pa.set_memory_pool(counted)
    try:
        yield
    finally:
        pa.set_memory_pool(before)
    assert counted.max_memory() < max_bytes


def read_or_detail(row: RawRow) -> Cells | str:
    """Return the cells of a row, or the reason for which the row cannot be read."""
    return row.cells.detail if isinstance(row.cells, RowFault) else row.cells


def write_parquet(folder: Path, columns: Mapping[str, object], **options: object) -> Path:
    path = folder / "a.parquet"
    parquet.write_table(pa.table(columns), path, **options)
    return path


def test_a_huge_cell_of_a_parquet_file_is_not_read(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path,
        {"id": ["1", "2", "3"], "title": ["a", "x" * (PAGE_MAX_BYTES + 1), "c"]},
        row_group_size=1,
    )

    with little_arrow_memory(PAGE_MAX_BYTES // 2):
        rows = list(open_table(path).rows())

    assert [read_or_detail(row) for row in rows] == [
        {"id": "1", "title": "a"},
        TOO_LONG,
        {"id": "3", "title": "c"},
    ]


def test_rows_beside_a_huge_cell_name_the_column_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.ingest.tables.parquet_rows.PAGE_MAX_BYTES", 4 << 20)
    path = write_parquet(tmp_path, {"id": ["1", "2"], "title": ["a", "x" * (5 << 20)]})

    with pytest.raises(SettingsError) as refused:
        open_table(path)

    assert TOO_LONG in refused.value.detail
    assert "column title has a page of 5 MiB; write the file with smaller row groups" in refused.value.detail


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_a_cell_is_as_long_in_parquet_as_in_csv(tmp_path: Path, *, use_dictionary: bool) -> None:
    titles = ["x" * (1 << 20), "x" * ((1 << 20) + 1)]
    path = write_parquet(tmp_path, {"title": titles}, use_dictionary=use_dictionary)
    as_text = table(tmp_path, "a.csv", "\n".join(["title", *titles]).encode())

    (fits, too_long), (_, in_csv) = (list(open_table(each).rows()) for each in (path, as_text))

    assert fits.cells == {"title": titles[0]}
    assert read_or_detail(too_long) == CELL_TOO_LONG
    assert read_or_detail(in_csv) == f"line 3: {CELL_TOO_LONG}"


def test_a_dictionary_that_repeats_a_long_cell_takes_little_memory(tmp_path: Path) -> None:
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 64), ["x" * (12 << 20)])
    path = write_parquet(tmp_path, {"id": list(map(str, range(64))), "title": repeated}, store_schema=False)

    with little_arrow_memory(200 << 20):
        rows = list(ParquetFile(path).rows())

    assert [read_or_detail(row) for row in rows] == [CELL_TOO_LONG] * 64


def test_a_list_of_a_million_equal_elements_counts_with_all_its_elements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.ingest.tables.parquet_rows.PAGE_MAX_BYTES", 4 << 20)
    path = write_parquet(tmp_path, {"id": ["1"], "genres": [[7] * 1_000_000]}, data_page_size=8 << 20)

    with pytest.raises(SettingsError, match="longer than"):
        open_table(path)


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_largest_page_is_found(tmp_path: Path, compression: str, version: str) -> None:
    columns = {"id": list(map(str, range(1000))), "title": ["x"] * 999 + ["x" * 2_000_000]}
    path = write_parquet(tmp_path, columns, compression=compression, data_page_version=version)

    with path.open("rb") as file:
        _, page = column_pages(file, parquet.read_metadata(path).row_group(0))

    assert page.column == "title"
    assert 2_000_000 <= page.largest_bytes <= 2_010_000


@pytest.mark.parametrize(
    "header",
    [
        b"\xff" * 36,
        # A text of 2**69 bytes.
        b"\x18" + b"\xff" * 9 + b"\x7f",
        # A page of a gigabyte in a short column.
        b"\x15\x00\x15\x80\x80\x80\x80\x08\x15\x80\x80\x80\x80\x08\x00",
        # A structure in place of the integer that gives the number of values.
        b"\x15\x00\x15\x02\x15\x02\x2c\x1c\x00\x00\x00",
    ],
    ids=["bits", "long text", "long page", "structure"],
)
def test_a_damaged_page_header_is_refused(tmp_path: Path, header: bytes) -> None:
    path = write_parquet(tmp_path, {"id": ["1", "2"]})
    content = bytearray(path.read_bytes())
    content[4 : 4 + len(header)] = header
    path.write_bytes(content)

    with pytest.raises(SettingsError, match="cannot be read as Parquet"):
        open_table(path)


@pytest.mark.parametrize("seed", range(30))
def test_a_parquet_file_with_random_bytes_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    path = write_parquet(tmp_path, {"id": [str(n) for n in range(20)], "title": ["x" * n for n in range(20)]})
    content = bytearray(path.read_bytes())
    random = Random(seed)
    for _ in range(4):
        content[random.randrange(4, len(content) - 8)] = random.randrange(256)
    path.write_bytes(content)

    with suppress(SettingsError):
        for _ in open_table(path).rows():
            pass


def test_a_value_that_python_cannot_represent_is_an_unreadable_cell(tmp_path: Path) -> None:
    columns = {
        "id": ["1", "2"],
        "date": pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32()),
        "length": pa.array([2**62, 1], pa.duration("s")),
        "time": pa.array([1, None], pa.timestamp("us", tz="Nowhere/Bad")),
        "days": pa.array([[0], [2**31 - 1]], pa.list_(pa.int32())).cast(pa.list_(pa.date32())),
    }

    first, second = (row.cells for row in open_table(write_parquet(tmp_path, columns)).rows())

    assert isinstance(first, dict)
    assert isinstance(second, dict)
    unreadable = [
        [name for name, cell in row.items() if isinstance(cell, UnreadableCell)] for row in (first, second)
    ]
    assert unreadable == [["date", "length", "time"], ["days"]]
    assert "Nowhere/Bad" in repr(first["time"])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()], ids=str)
def test_text_of_a_parquet_file_that_is_not_utf_8_keeps_its_bytes(tmp_path: Path, kind: pa.DataType) -> None:
    titles = pa.array([b"a", b"Bj\xc3\xb6rk", b"Bj\xf6rk", None], pa.binary())
    # pyarrow casts bytes to text only if all of them are UTF-8.
    as_text = pa.Array.from_buffers(pa.string(), len(titles), titles.buffers())
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    path = write_parquet(tmp_path, {"title": (as_text if is_text else titles).cast(kind)})

    assert [row.cells for row in open_table(path).rows()] == [
        {"title": "a"},
        {"title": "Bj\u00f6rk"},
        {"title": "Bj\udcf6rk"},
        {"title": None},
    ]


def test_a_repeated_column_name_of_a_parquet_file_is_numbered(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_arrays([pa.array(["1"]), pa.array(["2"])], ["id", "id"]), path)

    assert [row.cells for row in open_table(path).rows()] == [{"id": "1", "id (2)": "2"}]


def test_a_row_group_without_rows_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with parquet.ParquetWriter(path, pa.schema({"id": pa.string()})) as writer:
        for ids in ([], ["1"], []):
            writer.write_table(pa.table({"id": pa.array(ids, pa.string())}))

    assert [row.cells for row in open_table(path).rows()] == [{"id": "1"}]


def test_long_cells_in_many_columns_take_little_memory(tmp_path: Path) -> None:
    columns = {f"title-{number}": ["x" * 900_000] * 20 for number in range(20)}
    path = write_parquet(tmp_path, columns)

    with little_arrow_memory(200 << 20):
        rows = list(ParquetFile(path).rows())

    assert [read_or_detail(row) for row in rows] == [TOO_LONG] * 20


def test_large_pages_in_many_columns_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ingest.tables.parquet_rows.PAGES_MAX_BYTES", 4 << 20)
    columns = {f"title-{number}": ["x" * 500_000, "y"] for number in range(10)}

    with pytest.raises(SettingsError, match="the largest pages of its columns have 4 MiB together"):
        open_table(write_parquet(tmp_path, columns))


def test_lists_of_too_many_elements_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ingest.tables.parquet_rows.LIST_ELEMENTS_MAX", 1000)
    path = write_parquet(tmp_path, {"id": ["1", "2"], "genre": [[None] * 1001, []]})

    with pytest.raises(SettingsError, match=r"the lists of column genre\S* have 100\d elements together"):
        open_table(path)


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.null()),
        pa.large_list(pa.bool_()),
        pa.list_(pa.list_(pa.int8())),
        pa.map_(pa.bool_(), pa.bool_()),
        pa.struct({"genres": pa.list_(pa.null())}),
    ],
    ids=str,
)
def test_a_row_with_millions_of_elements_is_too_long(tmp_path: Path, kind: pa.DataType) -> None:
    element: object = (True, True) if pa.types.is_map(kind) else None
    cell: object = [element] * 3_000_000
    values = [{"genres": cell} if pa.types.is_struct(kind) else cell]
    path = write_parquet(tmp_path, {"id": ["1"], "genre": pa.array(values, kind)})

    assert [read_or_detail(row) for row in ParquetFile(path).rows()] == [TOO_LONG]


@pytest.mark.timeout(100)  # building the dictionary anew for every few rows would take hours
def test_a_column_with_a_large_arrow_dictionary_is_read_in_few_batches(tmp_path: Path) -> None:
    names = pa.array([f"{number:0>90}" for number in range(60_000)])
    path = write_parquet(tmp_path, {"id": names.dictionary_encode()})

    assert [row.cells for row in ParquetFile(path).rows()] == [{"id": name} for name in names.to_pylist()]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_an_integer_of_any_number_of_digits_is_read(tmp_path: Path, name: str) -> None:
    objects = [f'{{"id": 1, "score": {"9" * 5000}}}', '{"id": 2, "score": NaN}']
    text = f"[{','.join(objects)}]" if name == "a.json" else "\n".join(objects)

    first, second = open_table(table(tmp_path, name, text.encode())).rows()

    assert first.cells == {"id": 1, "score": math.inf}
    assert isinstance(second.cells, dict)
    assert second.cells["id"] == 2
