"""Reads the values of columns whose names only suggest a field, in one pass over the table."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic_core import PydanticCustomError

from catalog.ingest.columns.cell_values import is_empty, is_empty_word, read_score
from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.table import Table

#: The number of non-empty cells whose values decide whether a column has covers or ids of releases.
_SAMPLE = 20
#: The largest number on the scale of a rating in stars.
STARS_MAX = 5


@dataclass(slots=True)
class ColumnValues:
    """The first values of a column, and counts of all its values."""

    #: The first non-empty cells.
    sample: list[object] = field(default_factory=list)
    #: The number of cells that are empty, or have a word for a missing value.
    empty: int = 0
    #: The number of cells with a number; they are counted only for columns that may be the score.
    scores: int = 0
    #: The number of cells with a number above STARS_MAX and at most 10.
    above_stars: int = 0
    #: The number of cells with a number outside of 0 to 10.
    outliers: int = 0

    def add(self, cell: object, *, may_be_score: bool) -> None:
        """Count one cell."""
        if is_empty(cell) or is_empty_word(cell):
            self.empty += 1
            return
        if len(self.sample) < _SAMPLE:
            self.sample.append(cell)
        if may_be_score and (score := _score(cell)) is not None:
            self.scores += 1
            self.outliers += math.isinf(score)
            self.above_stars += STARS_MAX < score < math.inf


def read_values(
    table: Table, columns: Collection[str], *, scores: Collection[str]
) -> Mapping[str, ColumnValues]:
    """Return the values of columns; those in `scores` may be the score."""
    values = {column: (ColumnValues(), column in scores) for column in columns}
    if values:
        for row in table.rows():
            if isinstance(row.cells, RowFault):
                continue
            for column, (found, may_be_score) in values.items():
                found.add(row.cells.get(column), may_be_score=may_be_score)
    return {column: found for column, (found, _) in values.items()}


def _score(cell: object) -> float | None:
    """Return a score, infinity for a number outside of 0 to 10, or None if the cell has no number."""
    try:
        # Parquet's decimals are stored as text.
        return read_score(str(cell) if isinstance(cell, Decimal) else cell)
    except PydanticCustomError as error:
        return math.inf if error.type == "score_out_of_range" else None
