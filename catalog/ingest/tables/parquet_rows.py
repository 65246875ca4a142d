"""Reads Parquet files."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from catalog.ingest.tables.raw_row import RawRow
from common.errors import SettingsError

_BATCH_ROWS = 512


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
                    cells: dict[str, Any]
                    for cells in batch.to_pylist():
                        yield RawRow(next(numbers), cells)
        # For a damaged file, pyarrow raises ArrowException or OSError.
        except (pa.ArrowException, OSError) as error:
            raise SettingsError(f"{self.path} cannot be read as Parquet: {str(error).strip()}") from error
