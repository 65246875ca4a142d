"""Reads Parquet files in limited memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.arrow_cells import arrow_rows, dictionary_columns
from catalog.ingest.tables.bounded_lines import TOO_LONG
from catalog.ingest.tables.parquet_page_sizes import ColumnPages, DamagedPage, column_pages
from catalog.ingest.tables.raw_row import Cells, RawRow, unique_names
from common.errors import SettingsError

#: The maximum size of a page in bytes. pyarrow takes up to four times as much memory. DuckDB writes pages of
#: up to 100 MB, other programs of about 1 MB.
PAGE_MAX_BYTES = 128 << 20
#: The maximum size in bytes of the largest pages of all columns together, because pyarrow holds a page of
#: each column at the same time.
PAGES_MAX_BYTES = 512 << 20
#: The maximum number of elements of all lists of a column in a row group, because a single row may have all
#: of these elements, and pyarrow takes at least 4 bytes for each element of a row.
LIST_ELEMENTS_MAX = 64 << 20
#: The maximum number of rows to read at once, the maximum number of rows to convert at once, and the maximum
#: bytes of these rows. A row is assumed to contain the largest page of every column, because a page with a
#: dictionary may describe many long rows.
_READ_ROWS, _CONVERTED_ROWS, _ROWS_MAX_BYTES = 4096, 64, 64 << 20
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
    """Yield the rows of a row group; a group that takes too much memory is not read."""
    metadata = file.metadata.row_group(group)
    if not metadata.num_rows:
        # Some programs write row groups without rows, whose columns have no pages.
        return
    columns = list(column_pages(headers, metadata))
    if excess := _excess(columns):
        shared = (
            f", or shares its row group with such a row: {excess}; write the file with smaller row groups"
        )
        for _ in range(metadata.num_rows):
            yield RowFault("unreadable_row", TOO_LONG + (shared if metadata.num_rows > 1 else ""))
        return
    names = unique_names(file.schema_arrow.names)
    # Rows refer to an Arrow dictionary without a copy, but pyarrow builds the dictionary for each batch anew.
    dictionaries = dictionary_columns(file.schema_arrow)
    all_bytes = sum(column.largest_bytes for column in columns)
    copied_bytes = sum(column.largest_bytes for column in columns if column.column not in dictionaries)
    batch_rows = min(_READ_ROWS, _rows_in_memory(copied_bytes))
    for batch in file.iter_batches(batch_size=batch_rows, row_groups=[group]):
        yield from arrow_rows(batch, names, at_once=min(_CONVERTED_ROWS, _rows_in_memory(all_bytes)))


def _excess(columns: Sequence[ColumnPages]) -> str:
    """Return what takes too much memory in a row group, or an empty string if nothing does."""
    largest = max(columns, key=lambda column: column.largest_bytes, default=None)
    if largest is not None and largest.largest_bytes > PAGE_MAX_BYTES:
        return f"column {largest.column} has a page of {largest.largest_bytes >> 20} MiB"
    all_bytes = sum(column.largest_bytes for column in columns)
    if all_bytes > PAGES_MAX_BYTES:
        return f"the largest pages of its columns have {all_bytes >> 20} MiB together"
    for column in columns:
        if column.list_elements > LIST_ELEMENTS_MAX:
            return f"the lists of column {column.column} have {column.list_elements} elements together"
    return ""


def _rows_in_memory(row_bytes: int) -> int:
    return max(1, _ROWS_MAX_BYTES // max(1, row_bytes))
