"""Reads CSV files: detects the separator, and continues after an unreadable row."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Self, TextIO

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.raw_row import Cells, RawRow
from catalog.ingest.tables.text_file import TextFile
from common.errors import SettingsError

#: The maximum number of characters in a cell, which also limits how much is read after an unclosed quote.
CELL_MAX_CHARS = 1 << 20
#: The names of the separators, in the order of preference if several separators fit equally well.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
#: The number of rows that are read to detect the separator.
_SAMPLE_ROWS = 200
#: The start of a line that Excel writes above the header to name the separator.
_EXCEL_HINT = "sep="


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file with its separator and column names."""

    text: TextFile
    separator: str
    columns: tuple[str, ...]
    #: The number of lines above the header, which are blank or name the separator.
    skipped: int

    def described(self) -> str:
        return f"CSV with {SEPARATORS[self.separator]}{self.text.described()}"

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows below the header."""
        csv.field_size_limit(CELL_MAX_CHARS)
        with self.text.open(newline="") as file:
            lines = _Lines(islice(file, self.skipped, None), before=self.skipped)
            numbers = count(1)
            for cells in islice(_records(lines, self.separator), 1, None):
                if isinstance(cells, RowFault):
                    yield RawRow(next(numbers), cells)
                elif cells:
                    yield RawRow(next(numbers), _named(self.columns, cells))


def open_csv(text: TextFile) -> CsvFile:
    """Detect a CSV file's separator and read its header.

    Raises:
        SettingsError: the header cannot be read.
    """
    csv.field_size_limit(CELL_MAX_CHARS)
    with text.open(newline="") as file:
        above = list(_above_header(file))
    hint = above[-1].strip()[len(_EXCEL_HINT) :] if above and above[-1].strip() else ""
    separator = hint if hint in SEPARATORS else _separator_of(text, skipped=len(above))
    header = next(_sample(text, separator, skipped=len(above)), [])
    if isinstance(header, RowFault):
        raise SettingsError(f"{text.path}: its header cannot be read: {header.detail}")
    if any(name != name.encode("utf-8", "ignore").decode() for name in header):
        raise SettingsError(
            f"{text.path}: its header is no {text.encoding} text; "
            "say its encoding, such as --encoding windows-1252"
        )
    return CsvFile(text, separator, _column_names(header), len(above))


class _Lines:
    """The lines of a file; a reader can go back to the second line of the current record."""

    def __init__(self, lines: Iterator[str], *, before: int) -> None:
        self._lines = lines
        self._record: list[str] = []
        self._ahead: deque[str] = deque()
        #: The number of the record's first line, counted from 1.
        self.number = 1 + before

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self._record.append(line)
        return line

    def begin_record(self) -> None:
        self.number += len(self._record)
        self._record.clear()

    def keep_first(self) -> str:
        """Put back all lines of the record except the first line, and return the first line."""
        self._ahead.extendleft(reversed(self._record[1:]))
        del self._record[1:]
        return self._record[0]


def _records(lines: _Lines, separator: str) -> Iterator[list[str] | RowFault]:
    # With strict=True, an unclosed quote is an error instead of a cell with the rest of the file.
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        lines.begin_record()
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # An unclosed quote makes the lines below it part of the record, so these lines are read again as
            # records.
            line = lines.keep_first()
            if separator == "\t":
                # Many programs write tab-separated files without quoting, so a quote is part of the cell's
                # text.
                yield line.rstrip("\r\n").split(separator)
            else:
                yield RowFault("unreadable_row", f"line {lines.number}: {error}")


def _above_header(file: TextIO) -> Iterator[str]:
    for line in file:
        if line.strip() and not line.lower().startswith(_EXCEL_HINT):
            return
        yield line


def _sample(text: TextFile, separator: str, *, skipped: int) -> Iterator[list[str] | RowFault]:
    with text.open(newline="") as file:
        lines = _Lines(islice(file, skipped, None), before=skipped)
        yield from islice(_records(lines, separator), _SAMPLE_ROWS)


def _separator_of(text: TextFile, *, skipped: int) -> str:
    """Return the separator that gives the most columns and the same number of cells in header and rows."""
    fits = {separator: _fit(_sample(text, separator, skipped=skipped)) for separator in SEPARATORS}
    return max(fits, key=lambda separator: fits[separator])


def _fit(records: Iterator[list[str] | RowFault]) -> float:
    """Return the number of columns minus one, times the share of rows with as many cells as the header."""
    header, *rows = [record for record in records if record] or [[]]
    if isinstance(header, RowFault):
        return 0.0
    alike = sum(not isinstance(row, RowFault) and _width(row, len(header)) == len(header) for row in rows)
    return (len(header) - 1) * (alike / len(rows) if rows else 1.0)


def _width(cells: Sequence[str], columns: int) -> int:
    # Empty cells at the end of a row are not counted, because spreadsheets write separators for empty
    # columns.
    return len(cells) if any(cell.strip() for cell in cells[columns:]) else min(len(cells), columns)


def _column_names(header: Sequence[str]) -> tuple[str, ...]:
    """Strip the column names and number repeated names, so that every name is unique."""
    names: list[str] = []
    for place, cell in enumerate(header):
        # A column without a name gets the same name as in pandas.
        name = plain = cell.strip() or f"Unnamed: {place}"
        again = count(2)
        while name in names:
            name = f"{plain} ({next(again)})"
        names.append(name)
    return tuple(names)


def _named(columns: Sequence[str], values: Sequence[str]) -> Cells | RowFault:
    if _width(values, len(columns)) > len(columns):
        return RowFault("unreadable_row", f"{len(values)} cells under {len(columns)} columns")
    return dict(zip(columns, values, strict=False))
