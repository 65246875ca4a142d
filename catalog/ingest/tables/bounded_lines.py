"""Reads the lines of a text file in bounded memory, and runs of blank lines quickly."""

import re
from collections.abc import Iterator
from typing import TextIO

#: Longest row; limits how much is read of a line, a quote or a bracket that does not end.
ROW_MAX_CHARS = 16 << 20
TOO_LONG = f"the row is longer than {ROW_MAX_CHARS} characters"
#: The maximum number of characters in a cell of a CSV or Parquet file. In CSV, this maximum also limits how
#: much is read after an unclosed quote.
CELL_MAX_CHARS = 1 << 20
#: The sentence of Python's csv module, which tables of other kinds use too.
CELL_TOO_LONG = f"field larger than field limit ({CELL_MAX_CHARS})"
#: The maximum number of elements of all lists and objects of a row of a JSON or Parquet file. Lists that
#: albums can store are much shorter, and each element takes up to 9 µs to read and check.
ROW_ELEMENTS_MAX = 50_000
TOO_MANY_ELEMENTS = f"the row has more than {ROW_ELEMENTS_MAX} elements in lists and objects"
#: A line of CSV, and one of JSON in which a carriage return may be part of an object; each with the blank
#: lines after it, because one string for a million blank lines takes a thousandth of the time.
CSV_LINE = re.compile(r"[^\r\n]*[\r\n]+")
JSON_LINE = re.compile(r"[^\n]*\n[ \t\r\n]*")
_CHUNK_CHARS, _LARGEST_CHUNK_CHARS = 1 << 16, 1 << 20


def bounded_lines(file: TextIO, kind: "re.Pattern[str]") -> Iterator[str]:
    """Yield each line with the blank lines after it; a line that is too long may be cut.

    A string of more than ROW_MAX_CHARS is a line that is too long. The file must keep its line ends:
    `newline=""` for CSV, and a newline alone for JSON.
    """
    held = ""
    # Larger chunks for a long line, which is searched for its end with each chunk.
    while chunk := file.read(min(max(_CHUNK_CHARS, len(held)), _LARGEST_CHUNK_CHARS)):
        text = held + chunk
        end = _end_of_lines(text, kind)
        yield from kind.findall(text, 0, end)
        held = text[end:]
        if len(held) > ROW_MAX_CHARS:
            yield held[:ROW_MAX_CHARS] + "\n"
            held = _after_line(file, kind, held[-1:])
    if held:
        yield held


def line_count(text: str) -> int:
    """Return how many lines end in a text."""
    ends = text.count("\n")
    return ends + text.count("\r") - text.count("\r\n") if "\r" in text else ends


def _end_of_lines(text: str, kind: "re.Pattern[str]") -> int:
    """Return where the last complete line ends; a carriage return at the end may be half of a line end."""
    last = text.rfind("\n")
    return 1 + (max(last, text.rfind("\r", 0, len(text) - 1)) if kind is CSV_LINE else last)


def _after_line(file: TextIO, kind: "re.Pattern[str]", held: str) -> str:
    """Read to the end of the current line, whose last character is held; return what was read beyond it."""
    while chunk := file.read(_LARGEST_CHUNK_CHARS):
        text = held + chunk
        ends = [text.find("\n"), text.find("\r", 0, len(text) - 1) if kind is CSV_LINE else -1]
        if found := [end for end in ends if end >= 0]:
            return text[min(found) + 1 :].removeprefix("\n" if text[min(found)] == "\r" else "")
        held = text[-1:]
    return ""
