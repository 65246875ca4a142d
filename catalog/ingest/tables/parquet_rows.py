"""Reads Parquet files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.bounded_lines import CELL_MAX_CHARS, CELL_TOO_LONG, ROW_MAX_CHARS, TOO_LONG
from catalog.ingest.tables.parquet_pages import DamagedPage, largest_page
from catalog.ingest.tables.raw_row import Cells, RawRow
from common.errors import SettingsError

#: The maximum size of a page in bytes. pyarrow takes four times as much memory. DuckDB writes pages of up to
#: 100 MB, other programs of about 1 MB.
PAGE_MAX_BYTES = 128 << 20
#: The maximum number of rows in a batch, and the maximum memory of a batch in bytes if each row repeats the
#: largest page: a dictionary makes a small file of long rows.
_BATCH_ROWS, _BATCH_MAX_BYTES = 64, 64 << 20
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A Parquet file."""

    path: Path

    def described(self) -> str:
        return "Parquet"

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows."""
        numbers = count(1)
        with self.path.open("rb") as headers, self._opened() as file:
            for group in range(file.num_row_groups):
                for cells in _group(file, group, headers=headers):
                    yield RawRow(next(numbers), cells)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        # pyarrow is imported only for Parquet, because it takes 150 MB of memory.
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise SettingsError("Parquet needs pyarrow: pip install -r requirements/catalog.txt") from error
        try:
            # Without `pre_buffer`, pages are read one after another instead of a whole row group at once.
            with parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=_READ_BYTES) as file:
                yield file
        # For a damaged file, pyarrow raises ArrowException or OSError.
        except (pa.ArrowException, OSError, DamagedPage) as error:
            raise SettingsError(f"{self.path} cannot be read as Parquet: {str(error).strip()}") from error


def _group(file: Any, group: int, *, headers: BinaryIO) -> Iterator[Cells | RowFault]:
    """Yield the rows of a row group; a group with a page that is too large is not read."""
    metadata = file.metadata.row_group(group)
    page = largest_page(headers, metadata)
    if page.size_bytes > PAGE_MAX_BYTES:
        reason = TOO_LONG
        if metadata.num_rows > 1:
            reason += (
                f", or shares its row group with such a row: column {page.column} has a page of "
                f"{page.size_bytes >> 20} MiB; write the file with smaller row groups"
            )
        for _ in range(metadata.num_rows):
            yield RowFault("unreadable_row", reason)
        return
    rows = max(1, min(_BATCH_ROWS, _BATCH_MAX_BYTES // max(1, page.size_bytes)))
    for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
        yield from _cells(batch)


def _cells(batch: Any) -> Iterator[Cells | RowFault]:
    """Yield the rows of an Arrow batch; a row that is too long is not converted."""
    if batch.nbytes <= CELL_MAX_CHARS:
        yield from batch.to_pylist()
        return
    for row in (batch.slice(number, 1) for number in range(batch.num_rows)):
        if row.nbytes > ROW_MAX_CHARS:
            yield RowFault("unreadable_row", TOO_LONG)
            continue
        for cells in row.to_pylist():
            is_too_long = any(map(_is_too_long, cells.values()))
            yield RowFault("unreadable_row", CELL_TOO_LONG) if is_too_long else cells


def _is_too_long(cell: object) -> bool:
    return isinstance(cell, str | bytes) and len(cell) > CELL_MAX_CHARS
