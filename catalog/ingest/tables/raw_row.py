"""One row of a table, before its columns are mapped to fields."""

from dataclasses import dataclass

from catalog.ingest.rejection import RowFault

Cells = dict[str, object]


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row of the file; row 1 is the first row below the header."""

    number: int
    cells: Cells | RowFault
