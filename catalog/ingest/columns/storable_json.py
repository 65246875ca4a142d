"""Converts cells to JSON values that PostgreSQL can store: text without null characters, finite numbers."""

import math
from typing import Any

import orjson

from catalog.ingest.tables.raw_row import Cells, UnreadableCell

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
#: Maps the control characters of ASCII and of Latin-1 to escape sequences.
_CONTROLS = {code: ascii(chr(code))[1:-1] for code in (*range(0x20), *range(0x7F, 0xA0))}


class NotStorable(ValueError):
    """PostgreSQL would refuse to store the value."""


def to_storable(cells: Cells) -> Cells:
    """Return the cells with their values converted to JSON types.

    Raises:
        NotStorable: PostgreSQL cannot store one of the cells.
    """
    try:
        # JSON has no infinity, so infinity becomes text, which the validation of a numeric field refuses and
        # reports.
        finite = {
            column: str(v) if isinstance(v, float) and math.isinf(v) else v for column, v in cells.items()
        }
        document = orjson.dumps(finite, default=_to_text, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise NotStorable(str(error)) from error
    if rb"\u0000" in document.replace(rb"\\", b""):
        raise NotStorable("it contains the character U+0000")
    storable: Cells = orjson.loads(document)
    return storable


def reason_not_storable(column: str, value: object) -> str | None:
    """Return why a cell or its column's name cannot be stored, or None if both can be stored."""
    if isinstance(value, UnreadableCell):
        return "it cannot be read"
    try:
        to_storable({column: value})
    except NotStorable as error:
        if _is_utf8(column) and _is_utf8(value):
            return str(error)
        return "not UTF-8 text; if the file has another encoding, name it with --encoding"
    return None


def to_json_object(value: object) -> dict[str, Any]:
    """Return the JSON object in a text or a dictionary.

    Raises:
        NotStorable: PostgreSQL cannot store the object.
        ValueError: the value is not a JSON object.
    """
    if isinstance(value, str):
        value = orjson.loads(value)
    if value is None or isinstance(value, dict):
        return to_storable(dict(value or {}))
    raise ValueError(f"it is a {type(value).__name__}")


def printable(name: str) -> str:
    """Return a text whose control characters, and bytes that are not UTF-8, are escaped.

    A table is untrusted, and a terminal would obey its control characters.
    """
    return name.translate(_CONTROLS).encode("utf-8", "backslashreplace").decode()


def _to_text(value: object) -> str:
    if isinstance(value, UnreadableCell):
        raise TypeError(value.reason)
    return str(value)


def _is_utf8(value: object) -> bool:
    return not isinstance(value, str) or value == value.encode("utf-8", "ignore").decode()
