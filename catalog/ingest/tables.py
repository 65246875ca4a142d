"""Reading CSV, JSON Lines and Parquet row by row; a broken row is one, not the end of the file."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from catalog.ingest.rejection import RowFault
from common.errors import SettingsError

Cells = dict[str, object]


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
        SettingsError: it is not there, of no known kind, or has no columns.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SettingsError(f"{path}: a table ends in {', '.join(sorted(_READERS))}")
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file")
    columns: dict[str, None] = {}
    count = 0
    for row in reader(path):
        count += 1
        if not isinstance(row.cells, RowFault):
            columns |= dict.fromkeys(row.cells)
    if not columns:
        raise SettingsError(f"{path}: no row of it can be read")
    return Table(path, tuple(columns), count)


def _csv_rows(path: Path) -> Iterator[RawRow]:
    csv.field_size_limit(sys.maxsize)
    # Bytes that are no UTF-8 come through as surrogates, so that they cost their own row alone.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        # Strict, so that a quote which nobody closes is an error and not the rest of the file.
        reader = csv.reader(file, strict=True)
        header = next(reader, [])
        number = 0
        while True:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                yield RawRow(number, RowFault("unreadable_row", f"line {reader.line_num}: {error}"))
                continue
            if values:
                number += 1
                yield RawRow(number, _csv_cells(header, values))


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
        from pyarrow import parquet
    except ImportError as error:
        raise SettingsError("Parquet needs pyarrow: pip install -r requirements/catalog.txt") from error
    number = 0
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=512):
            cells: dict[str, Any]
            for cells in batch.to_pylist():
                number += 1
                yield RawRow(number, cells)


_READERS = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows, ".parquet": _parquet_rows}
