"""Reading JSON: one object a line, or an array of objects, of which one at a time is held."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO, cast

import orjson

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.raw_row import Cells, RawRow
from catalog.ingest.tables.text_file import TextFile
from common.errors import SettingsError

_CHUNK_CHARS = 1 << 16
#: Of one object of an array; it bounds what is read in vain behind a bracket that nobody closes.
OBJECT_MAX_CHARS = 16 << 20
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class JsonFile:
    """A file of JSON in one of its two forms."""

    text: TextFile
    is_array: bool

    def described(self) -> str:
        return f"{'a JSON array' if self.is_array else 'JSON Lines'}{self.text.described()}"

    def rows(self) -> Iterator[RawRow]:
        """Yield the objects."""
        # Line ends are kept, and a carriage return alone ends none.
        with self.text.open(newline="\n") as file:
            values = _array(file, self.text) if self.is_array else _lines(file)
            for number, value in enumerate(values, start=1):
                yield RawRow(number, _cells(value))


def open_json(text: TextFile) -> JsonFile:
    """Tell an array from lines by the first character, whatever the file is called."""
    with text.open(newline="\n") as file:
        while (head := file.read(_CHUNK_CHARS)) and not head.strip(_BLANK):
            pass
    return JsonFile(text, is_array=head.lstrip(_BLANK).startswith("["))


def _cells(value: object) -> Cells | RowFault:
    if isinstance(value, RowFault):
        return value
    return value if isinstance(value, dict) else RowFault("unreadable_row", "no JSON object")


def _lines(file: TextIO) -> Iterator[object]:
    for line in file:
        if line.strip():
            yield _parsed(line)


def _parsed(line: str) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        # Python writes NaN where it has no number, and half characters of UTF-16: no JSON, and yet readable.
        return _lenient(line, error)


def _lenient(line: str, error: ValueError) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return RowFault("unreadable_row", f"no JSON: {error}")


class _Reading:
    """The part of an array that is being read."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._buffer = ""
        self._position = 0
        self._decode = cast("Callable[[str, int], tuple[object, int]]", json.JSONDecoder().raw_decode)

    def next_character(self) -> str:
        """Return the next one that is not blank, without taking it; empty at the end of the file."""
        while True:
            while self._position < len(self._buffer) and self._buffer[self._position] in _BLANK:
                self._position += 1
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            if not self._read_on():
                return ""

    def take(self) -> None:
        """Pass over the character that `next_character` has told."""
        self._position += 1

    def value(self) -> object:
        """Return the next value.

        Raises:
            ValueError: there is none, or it has no end.
        """
        while True:
            try:
                value, end = self._decode(self._buffer, self._position)
            except json.JSONDecodeError:
                if len(self._buffer) - self._position > OBJECT_MAX_CHARS or not self._read_on():
                    raise
                continue
            # A number that the buffer cuts short looks like a shorter one.
            if end == len(self._buffer) and self._read_on():
                continue
            self._position = end
            return value

    def _read_on(self) -> bool:
        # As much again as is held, so that a long object is not tried for each chunk of it.
        held = self._buffer[self._position :]
        more = self._file.read(max(_CHUNK_CHARS, len(held)))
        self._buffer, self._position = held + more, 0
        return bool(more)


def _array(file: TextIO, text: TextFile) -> Iterator[object]:
    reading, done = _Reading(file), 0
    try:
        reading.next_character()
        reading.take()
        while reading.next_character() != "]":
            if done:
                _require(reading, ",")
            yield reading.value()
            done += 1
        reading.take()
        _require(reading, "")
    except (ValueError, RecursionError) as error:
        # Where one object is broken nothing tells where the next begins.
        # The place within it that the decoder tells is one within a piece of the file.
        reason = error.msg if isinstance(error, json.JSONDecodeError) else error
        raise SettingsError(
            f"{text.path}: after {done} objects the array cannot be read: {reason}"
        ) from error


def _require(reading: _Reading, wanted: str) -> None:
    """Pass over a character, or make sure of the end of the file, which is the empty string."""
    found = reading.next_character()
    if found != wanted:
        raise ValueError(f"{wanted or 'the end'!r} expected, not {found or 'the end'!r}")
    reading.take()
    reading.next_character()
