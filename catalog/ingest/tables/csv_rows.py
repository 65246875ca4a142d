"""Reads CSV files: detects the separator, and continues after an unreadable row."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Self, TextIO

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.bounded_lines import (
    CELL_MAX_CHARS,
    CSV_LINE,
    ROW_MAX_CHARS,
    TOO_LONG,
    bounded_lines,
    line_count,
)
from catalog.ingest.tables.raw_row import Cells, RawRow, unique_names
from catalog.ingest.tables.text_file import TextFile
from common.errors import SettingsError

#: The names of the separators, in the order of preference if several separators fit equally well.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
#: The number of rows that are read to detect the separator.
_SAMPLE_ROWS = 200
#: The start of a line that Excel writes above the header to name the separator.
_EXCEL_HINT = "sep="
_SKIPPED_CHUNK_CHARS = 1 << 20
#: If a row is unreadable, the lines that were read as a part of it are read again. All lines that are read
#: again have at most this number of characters, plus REREAD_SHARE times the characters of the file so far;
#: without this limit, a file with an unclosed quote in every line would take quadratic time.
REREAD_MAX_CHARS = 2 * ROW_MAX_CHARS
REREAD_SHARE = 16


@dataclass(frozen=True, slots=True)
class AboveHeader:
    """What stands above the header: blank lines and Excel's hint."""

    chars: int = 0
    lines: int = 0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file with its separator and column names."""

    text: TextFile
    separator: str
    columns: tuple[str, ...]
    above: AboveHeader

    def described(self) -> str:
        return f"CSV with {SEPARATORS[self.separator]}{self.text.described()}"

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows below the header."""
        csv.field_size_limit(CELL_MAX_CHARS)
        with self.text.open(newline="") as file:
            lines = _Lines(file, self.above)
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
        above = _above_header(file)
    separator = above.hint if above.hint in SEPARATORS else _separator_of(text, above)
    header = next(_sample(text, separator, above), [])
    if isinstance(header, RowFault):
        raise SettingsError(f"{text.path}: its header cannot be read: {header.detail}")
    if any(name != name.encode("utf-8", "ignore").decode() for name in header):
        raise SettingsError(
            f"{text.path}: its header is not {text.encoding} text; "
            "name its encoding, such as --encoding windows-1252"
        )
    return CsvFile(text, separator, _column_names(header), above)


class _Lines:
    """The lines from the header on; a reader can go back to the second line of the current record."""

    def __init__(self, file: TextIO, above: AboveHeader) -> None:
        for skipped in range(0, above.chars, _SKIPPED_CHUNK_CHARS):
            file.read(min(_SKIPPED_CHUNK_CHARS, above.chars - skipped))
        self._lines = bounded_lines(file, CSV_LINE)
        self._record: list[str] = []
        self._record_chars = 0
        self._ahead: deque[str] = deque()
        self._reread_left_chars = REREAD_MAX_CHARS
        #: The maximum total number of characters in the current record without its first line.
        self._more_max_chars = ROW_MAX_CHARS
        #: The number of the record's first line, counted from 1.
        self.number = 1 + above.lines

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self._record.append(line)
        self._record_chars += len(line)
        if self._record_chars > ROW_MAX_CHARS:
            raise csv.Error(TOO_LONG)
        if self._record_chars - len(self._record[0]) > self._more_max_chars:
            raise csv.Error("a quote is not closed")
        return line

    def begin_record(self) -> None:
        for line in self._record:
            self.number += line_count(line)
        self._reread_left_chars += REREAD_SHARE * self._record_chars
        # A record may use half of the remaining characters, so that a later record of several lines is read
        # even if earlier records used much.
        self._more_max_chars = self._reread_left_chars // 2
        self._record.clear()
        self._record_chars = 0

    def keep_first(self) -> str:
        """Put back all lines of the record except the first line, and return the first line."""
        first = self._record[0]
        self._ahead.extendleft(reversed(self._record[1:]))
        self._reread_left_chars -= min(self._record_chars - len(first), self._more_max_chars)
        self._record_chars = len(first)
        del self._record[1:]
        return first


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
            # An unclosed quote makes the lines below it part of its record. These lines are therefore parsed
            # again, each as its own record.
            line = lines.keep_first()
            # Many programs write tab-separated files without quoting, so a quote is part of the cell's text.
            is_text = separator == "\t" and len(line) <= ROW_MAX_CHARS
            cells = line.rstrip("\r\n").split(separator) if is_text else []
            if cells and max(map(len, cells)) <= CELL_MAX_CHARS:
                yield cells
            else:
                yield RowFault("unreadable_row", f"line {lines.number}: {error}")


def _above_header(file: TextIO) -> AboveHeader:
    above = AboveHeader()
    for line in bounded_lines(file, CSV_LINE):
        is_hint = line.lower().startswith(_EXCEL_HINT)
        if len(line) > ROW_MAX_CHARS or (line.strip() and not is_hint):
            break
        hint = line.strip()[len(_EXCEL_HINT) :] if is_hint else above.hint
        above = AboveHeader(above.chars + len(line), above.lines + line_count(line), hint)
    return above


def _sample(text: TextFile, separator: str, above: AboveHeader) -> Iterator[list[str] | RowFault]:
    with text.open(newline="") as file:
        yield from islice(_records(_Lines(file, above), separator), _SAMPLE_ROWS)


def _separator_of(text: TextFile, above: AboveHeader) -> str:
    """Return the separator that gives the most columns, with the same number in header and rows."""
    fits = {separator: _fit(_sample(text, separator, above)) for separator in SEPARATORS}
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
    """Strip the column names, and make every name unique."""
    # A column without a name gets the same name as in pandas.
    return unique_names(cell.strip() or f"Unnamed: {place}" for place, cell in enumerate(header))


def _named(columns: Sequence[str], values: Sequence[str]) -> Cells | RowFault:
    if _width(values, len(columns)) > len(columns):
        return RowFault("unreadable_row", f"{len(values)} cells under {len(columns)} columns")
    return dict(zip(columns, values, strict=False))
