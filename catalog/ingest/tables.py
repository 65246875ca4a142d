"""Reading CSV, JSON Lines and Parquet row by row; a broken row is one, not the end of the file."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self, TextIO

import orjson

from catalog.ingest.rejection import RowFault
from common.errors import SettingsError

Cells = dict[str, object]

#: Of a CSV's cell; it bounds what is read in vain behind a quote that nobody closes.
CELL_MAX_CHARS = 1 << 20


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as the file has it; `number` counts from 1, below a header."""

    number: int
    cells: Cells | RowFault


@dataclass(frozen=True, slots=True)
class Table:
    """A file of albums: its columns, how many rows it has, and its rows, read anew by each call."""

    path: Path
    columns: tuple[str, ...]
    count: int

    def rows(self) -> Iterator[RawRow]:
        return _READERS[self.path.suffix.lower()](self.path)


def open_table(path: Path) -> Table:
    """Look through a file for its columns and its length.

    Raises:
        SettingsError: it is not there, of no known kind, cannot be read, or has no columns.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SettingsError(f"{path}: a table ends in {', '.join(sorted(_READERS))}")
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file")
    columns: dict[str, None] = {}
    rows = 0
    for row in reader(path):
        rows += 1
        if not isinstance(row.cells, RowFault):
            columns |= dict.fromkeys(row.cells)
    if not columns:
        raise SettingsError(f"{path}: no row of it can be read")
    return Table(path, tuple(columns), rows)


class _Lines:
    """The lines of a file; a reader can go back to the second line of the record it is in."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._record: list[str] = []
        self._ahead: deque[str] = deque()
        #: Of the record's first line, from 1.
        self.number = 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._file)
        self._record.append(line)
        return line

    def begin_record(self) -> None:
        self.number += len(self._record)
        self._record.clear()

    def keep_first(self) -> None:
        """Give back all lines of the record but its first."""
        self._ahead.extendleft(reversed(self._record[1:]))
        del self._record[1:]


def _csv_rows(path: Path) -> Iterator[RawRow]:
    csv.field_size_limit(CELL_MAX_CHARS)
    # Bytes that are no UTF-8 come through as surrogates, so that they cost their own row alone.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _Lines(file)
        # Strict, so that a quote which nobody closes is an error and not the rest of the file.
        reader = csv.reader(lines, strict=True)
        header = _csv_header(reader, path)
        numbers = count(1)
        while True:
            lines.begin_record()
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # Such a quote takes in the rows below it; they are read again, each by itself.
                lines.keep_first()
                yield RawRow(next(numbers), RowFault("unreadable_row", f"line {lines.number}: {error}"))
                continue
            if values:
                yield RawRow(next(numbers), _csv_cells(header, values))


def _csv_header(reader: Iterator[list[str]], path: Path) -> list[str]:
    try:
        return next(reader, [])
    except csv.Error as error:
        raise SettingsError(f"{path}: its header cannot be read: {error}") from error


def _csv_cells(header: list[str], values: list[str]) -> Cells | RowFault:
    if len(values) > len(header):
        return RowFault("unreadable_row", f"{len(values)} cells under {len(header)} columns")
    return dict(zip(header, values, strict=False))


def _json_rows(path: Path) -> Iterator[RawRow]:
    with path.open("rb") as file:
        lines = (line for line in file if line.strip())
        for number, line in enumerate(lines, start=1):
            yield RawRow(number, _json_cells(line))


def _json_cells(line: bytes) -> Cells | RowFault:
    try:
        cells = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return RowFault("unreadable_row", f"no JSON: {error}")
    return cells if isinstance(cells, dict) else RowFault("unreadable_row", "no JSON object")


def _parquet_rows(path: Path) -> Iterator[RawRow]:
    # 150 MB that CSV and JSON Lines do without.
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise SettingsError("Parquet needs pyarrow: pip install -r requirements/catalog.txt") from error
    numbers = count(1)
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=512):
                cells: dict[str, Any]
                for cells in batch.to_pylist():
                    yield RawRow(next(numbers), cells)
    # Of a damaged file pyarrow says the one or the other.
    except (pa.ArrowException, OSError) as error:
        raise SettingsError(f"{path} cannot be read as Parquet: {str(error).strip()}") from error


_READERS = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows, ".parquet": _parquet_rows}
