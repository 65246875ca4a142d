"""One row of a table, before its columns are mapped to fields."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from catalog.ingest.rejection import RowFault

Cells = dict[str, object]


@dataclass(frozen=True, slots=True, repr=False)
class UnreadableCell:
    """A cell whose value Python cannot represent, such as a date after the year 9999."""

    #: The type of the cell and the error.
    reason: str

    def __repr__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row of the file; row 1 is the first row below the header."""

    number: int
    cells: Cells | RowFault


def unique_names(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the column names, of which repeated names are numbered, such as `NAME (2)`."""
    names: dict[str, None] = {}
    # A number that was used for a name is not tried again, because that takes quadratic time if thousands of
    # columns have the same name.
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(2))
    for plain in columns:
        name = plain
        while name in names:
            name = f"{plain} ({next(numbers[plain])})"
        names[name] = None
    return tuple(names)
