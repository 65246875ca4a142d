"""The locations of a HEIF or AVIF file's items, read from the box `iloc` (ISO/IEC 14496-12, 8.11.3)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

_IN_FILE, _IN_IDAT = 0, 1


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of an item's data, and the file positions of the fields that declare its offset and length."""

    start: int
    #: Length of the part in bytes; zero if the part extends to the end of the file.
    length: int
    base: int
    offset_field: tuple[int, int]
    length_field: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Location:
    """The parts of an item; offsets are relative to the box `idat` (if `is_in_idat`) or to the file."""

    extents: tuple[Extent, ...]
    is_in_idat: bool


def read_iloc(data: bytes, start: int, *, count: Callable[[int], None]) -> dict[int, Location]:
    """Return a mapping from item ids to item locations.

    `start` is the offset of the box's version field. `count` is called with the length of each list of
    entries, and raises an error if the file has too many entries.

    Raises:
        LookupError, struct.error: the box is broken, or the data of an item is in another item.
    """
    version = data[start]
    offset_bytes, length_bytes = data[start + 4] >> 4, data[start + 4] & 15
    base_bytes, index_bytes = data[start + 5] >> 4, data[start + 5] & 15
    at = start + 6
    id_bytes = 4 if version > 1 else 2
    items, at = _number(data, at, id_bytes), at + id_bytes
    count(items)
    found: dict[int, Location] = {}
    for _ in range(items):
        item, at = _number(data, at, id_bytes), at + id_bytes
        method = _IN_FILE
        if version:
            method, at = _number(data, at, 2) & 15, at + 2
        at += 2  # the data reference, which is this file
        base, at = _number(data, at, base_bytes), at + base_bytes
        parts, at = _number(data, at, 2), at + 2
        count(parts)
        extents = []
        for _ in range(parts):
            at += index_bytes if version else 0
            offset_field, length_field = (at, offset_bytes), (at + offset_bytes, length_bytes)
            offset, length = _number(data, *offset_field), _number(data, *length_field)
            extents.append(Extent(base + offset, length, base, offset_field, length_field))
            at += offset_bytes + length_bytes
        if method not in {_IN_FILE, _IN_IDAT}:
            raise LookupError("the data of an item is in another item")
        found.setdefault(item, Location(tuple(extents), is_in_idat=method == _IN_IDAT))
    return found


def _number(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise struct.error("the box ends early")
    return int.from_bytes(data[at : at + size])
