"""One row of a table, before anything is known about its columns."""

from dataclasses import dataclass

from catalog.ingest.rejection import RowFault

Cells = dict[str, object]


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as the file has it; `number` counts from 1, below a header."""

    number: int
    cells: Cells | RowFault
