"""Opens a table of albums, and finds its format, its columns and its number of rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.csv_rows import open_csv
from catalog.ingest.tables.json_rows import open_json
from catalog.ingest.tables.parquet_rows import ParquetFile
from catalog.ingest.tables.raw_row import RawRow
from catalog.ingest.tables.text_file import find_text
from common.errors import SettingsError

_CSV = (".csv", ".tsv", ".tab")
_JSON = (".json", ".jsonl", ".ndjson")
PACKED = ".gz"
ENDINGS = f"{', '.join((*_CSV, *_JSON))} (each also with {PACKED}) or .parquet"


class Reader(Protocol):
    """A file that is read row by row; each call of `rows` reads from the start."""

    def described(self) -> str:
        """Return a description of how the file is read, such as `CSV with semicolons, gzip`."""
        ...

    def rows(self) -> Iterator[RawRow]: ...


@dataclass(frozen=True, slots=True)
class Table:
    """A table file with its columns and its number of rows; each call of `rows` reads from the start."""

    path: Path
    columns: tuple[str, ...]
    count: int
    reader: Reader

    def rows(self) -> Iterator[RawRow]:
        return self.reader.rows()

    def described(self) -> str:
        """Return a line that describes how the file is read."""
        return f"{self.path.name}: read as {self.reader.described()}, {self.count} rows"


def open_table(path: Path, *, encoding: str | None = None) -> Table:
    """Read a file once to find its columns and number of rows; without `encoding`, detect its encoding.

    Raises:
        SettingsError: the file is missing, of an unknown kind, unreadable, or has no columns.
    """
    reader = _reader(path, encoding=encoding)
    columns: dict[str, None] = {}
    rows = 0
    first_fault = ""
    for row in reader.rows():
        rows += 1
        if not isinstance(row.cells, RowFault):
            columns |= dict.fromkeys(row.cells)
        elif not first_fault:
            first_fault = f": {row.cells.detail}"
    if not columns:
        fault = "none of its rows can be read" if rows else "it has no rows when it is read"
        raise SettingsError(f"{path}: {fault} as {reader.described()}{first_fault}")
    return Table(path, tuple(columns), rows, reader)


def _reader(path: Path, *, encoding: str | None) -> Reader:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] == [PACKED]
    ending = "".join(suffixes[-2:-1] if packed else suffixes[-1:])
    if ending not in {*_CSV, *_JSON} and (packed or ending != ".parquet"):
        raise SettingsError(f"{path}: a table ends in {ENDINGS}")
    if not path.is_file():
        kind = (
            "it must be a regular file, because a table is read twice"
            if path.exists()
            else "there is no such file"
        )
        raise SettingsError(f"{path}: {kind}")
    if ending == ".parquet":
        return ParquetFile(path)
    text = find_text(path, encoding=encoding)
    return open_csv(text) if ending in _CSV else open_json(text)
