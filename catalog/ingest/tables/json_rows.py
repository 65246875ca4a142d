"""Reads JSON files: one object per line, or an array of objects, which is parsed one object at a time."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO, cast

import orjson

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.bounded_lines import (
    JSON_LINE,
    ROW_ELEMENTS_MAX,
    ROW_MAX_CHARS,
    TOO_LONG,
    TOO_MANY_ELEMENTS,
    bounded_lines,
)
from catalog.ingest.tables.raw_row import Cells, RawRow
from catalog.ingest.tables.text_file import TextFile
from common.errors import SettingsError

_CHUNK_CHARS = 1 << 16
#: Integers of more digits are far too large for a float, and Python refuses to read more than 4300 digits.
_INTEGER_MAX_DIGITS = 1000
#: The elements of a row are counted as commas, because parsing a million small lists takes more than 1 s.
_MANY_COMMAS = f"{TOO_MANY_ELEMENTS}, or commas in texts"
_BLANK = " \t\r\n"
_BLANKS = re.compile(f"[{_BLANK}]*")


@dataclass(frozen=True, slots=True)
class JsonFile:
    """A JSON file with one object per line, or with one array of objects."""

    text: TextFile
    is_array: bool

    def described(self) -> str:
        return f"{'a JSON array' if self.is_array else 'JSON Lines'}{self.text.described()}"

    def rows(self) -> Iterator[RawRow]:
        """Yield the objects as rows."""
        # With newline="\n", line ends are kept, and a carriage return alone does not end a line.
        with self.text.open(newline="\n") as file:
            values = _array(file, self.text) if self.is_array else _lines(file)
            for number, value in enumerate(values, start=1):
                yield RawRow(number, _cells(value))


def open_json(text: TextFile) -> JsonFile:
    """Open a JSON file, whose first character tells whether it is an array; the file name does not matter."""
    with text.open(newline="\n") as file:
        while (head := file.read(_CHUNK_CHARS)) and not head.strip(_BLANK):
            pass
    return JsonFile(text, is_array=head.lstrip(_BLANK).startswith("["))


def _cells(value: object) -> Cells | RowFault:
    if isinstance(value, RowFault):
        return value
    return value if isinstance(value, dict) else RowFault("unreadable_row", "no JSON object")


def _lines(file: TextIO) -> Iterator[object]:
    number = 1
    for line in bounded_lines(file, JSON_LINE):
        if len(line) > ROW_MAX_CHARS:
            yield RowFault("unreadable_row", f"line {number}: {TOO_LONG}")
        elif line.count(",") > ROW_ELEMENTS_MAX:
            yield RowFault("unreadable_row", f"line {number}: {_MANY_COMMAS}")
        elif line.strip():
            yield _parsed(line)
        number += line.count("\n")


def _parsed(line: str) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        # Python's json module writes NaN and unpaired UTF-16 surrogates, which are invalid JSON, and can read
        # them.
        return _lenient(line, error)


def _lenient(line: str, error: ValueError) -> object:
    try:
        return json.loads(line, parse_int=_integer)
    except (ValueError, RecursionError):
        return RowFault("unreadable_row", f"no JSON: {error}")


def _integer(digits: str) -> int | float:
    """Return an integer, or infinity for an integer of more digits than Python reads."""
    return int(digits) if len(digits) <= _INTEGER_MAX_DIGITS else float(digits)


_DECODER = json.JSONDecoder(parse_int=_integer)


class _ArrayCursor:
    """A cursor over the text of a JSON array."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._buffer = ""
        self._position = 0
        self._decode = cast("Callable[[str, int], tuple[object, int]]", _DECODER.raw_decode)

    def next_character(self) -> str:
        """Return the next non-blank character without consuming it; return "" at the end of the file."""
        while True:
            blanks = _BLANKS.match(self._buffer, self._position)
            self._position = blanks.end() if blanks else self._position
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            if not self._read_more():
                return ""

    def take(self) -> None:
        """Consume the character that `next_character` returned."""
        self._position += 1

    def value(self) -> object:
        """Consume and return the next value, or a fault if the value has too many elements.

        Raises:
            ValueError: the next value is missing or incomplete.
        """
        while True:
            try:
                value, end = self._decode(self._buffer, self._position)
            except json.JSONDecodeError as error:
                if len(self._buffer) - self._position > ROW_MAX_CHARS:
                    raise ValueError(f"{error.msg}, or {TOO_LONG}") from error
                if not self._read_more():
                    raise
                continue
            except RecursionError as error:
                raise ValueError("the next object has too many levels of lists and objects") from error
            # A number at the end of the buffer may continue in the next chunk.
            if end == len(self._buffer) and self._read_more():
                continue
            is_excessive = self._buffer.count(",", self._position, end) > ROW_ELEMENTS_MAX
            self._position = end
            return RowFault("unreadable_row", _MANY_COMMAS) if is_excessive else value

    def _read_more(self) -> bool:
        # Each read doubles the buffer, so that a long object is not parsed again for every chunk.
        held = self._buffer[self._position :]
        more = self._file.read(max(_CHUNK_CHARS, min(len(held), ROW_MAX_CHARS + 1 - len(held))))
        self._buffer, self._position = held + more, 0
        return bool(more)


def _array(file: TextIO, text: TextFile) -> Iterator[object]:
    cursor, done = _ArrayCursor(file), 0
    try:
        cursor.next_character()
        cursor.take()
        while cursor.next_character() != "]":
            if done:
                _require(cursor, ",")
            yield cursor.value()
            done += 1
        cursor.take()
        _require(cursor, "")
    except ValueError as error:
        # Reading stops, because nothing shows where the object after an invalid object begins. The message
        # omits the decoder's position, which is counted from the start of the buffer and not of the file.
        reason = error.msg if isinstance(error, json.JSONDecodeError) else error
        raise SettingsError(
            f"{text.path}: after {done} objects the array cannot be read: {reason}"
        ) from error


def _require(cursor: _ArrayCursor, wanted: str) -> None:
    """Consume the expected character; an empty string stands for the end of the file."""
    found = cursor.next_character()
    if found != wanted:
        raise ValueError(f"{wanted or 'the end'!r} expected, not {found or 'the end'!r}")
    cursor.take()
    cursor.next_character()
