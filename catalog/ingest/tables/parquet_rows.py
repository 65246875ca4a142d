"""Reads Parquet files."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.bounded_lines import ROW_MAX_CHARS, TOO_LONG
from catalog.ingest.tables.raw_row import Cells, RawRow
from common.errors import SettingsError

#: Few, because a dictionary makes a small file of rows of a megabyte each.
_BATCH_ROWS = 64


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A Parquet file."""

    path: Path

    def described(self) -> str:
        return "Parquet"

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows."""
        # pyarrow is imported only for Parquet, because it takes 150 MB of memory.
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise SettingsError("Parquet needs pyarrow: pip install -r requirements/catalog.txt") from error
        numbers = count(1)
        try:
            with parquet.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                    for cells in _cells(batch):
                        yield RawRow(next(numbers), cells)
        # For a damaged file, pyarrow raises ArrowException or OSError.
        except (pa.ArrowException, OSError) as error:
            raise SettingsError(f"{self.path} cannot be read as Parquet: {str(error).strip()}") from error


def _cells(batch: Any) -> Iterator[Cells | RowFault]:
    """Yield the rows of an Arrow batch; a row that is too long is not converted."""
    if batch.nbytes <= ROW_MAX_CHARS:
        yield from batch.to_pylist()
        return
    for row in (batch.slice(number, 1) for number in range(batch.num_rows)):
        if row.nbytes > ROW_MAX_CHARS:
            yield RowFault("unreadable_row", TOO_LONG)
        else:
            yield from row.to_pylist()
