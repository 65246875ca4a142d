"""Rewrites AVIF files for the decoder: hides image sequences, and pads truncated images."""

import struct

from common.images.formats.heif import truncated_items
from common.images.formats.heif_coded_pictures import Obu, leb128, obus

_BOX = struct.Struct("!I4s")
_BOXES_MAX = 1000
#: The number of zero bytes appended to a truncated item: a share of the item's size, but at least a minimum
#: number. Without enough zeros dav1d reads past the end of the data and fails.
_ROOM_SHARE, _ROOM_MIN_BYTES = 0.25, 4096


def without_sequence(data: bytes) -> bytes:
    """Return the file without its image sequence, so that libavif decodes the primary item.

    The checks read size, colours and estimated cost from the primary item; an image sequence can declare
    different values.
    """
    hidden, at = bytearray(data), 0
    for _ in range(_BOXES_MAX):
        if at + _BOX.size > len(data):
            break
        size, kind = _BOX.unpack_from(data, at)
        if kind == b"moov":
            hidden[at + 4 : at + 8] = b"free"
        elif kind == b"ftyp":
            hidden[at : at + size] = data[at : at + size].replace(b"avis", b"avif")
        if size < _BOX.size:
            break
        at += size
    return bytes(hidden)


def with_room(data: bytes, *, size_bytes: int) -> bytes:
    """Return a padded file to which a zero-padded copy of each truncated item has been appended.

    `size_bytes` is the size of the file before padding.

    Raises:
        UndecodableImage: the boxes are broken.
    """
    completed = bytearray(data)
    for extent in truncated_items(data, size_bytes=size_bytes):
        item = _item_with_room(data[extent.start : extent.start + extent.length])
        start = len(completed) + _BOX.size
        fields = ((extent.offset_field, start - extent.base), (extent.length_field, len(item)))
        if any(value >> 8 * field[1] for field, value in fields):
            continue
        completed += _BOX.pack(_BOX.size + len(item), b"mdat") + item
        for (at, size), value in fields:
            completed[at : at + size] = value.to_bytes(size)
    return bytes(completed)


def _item_with_room(item: bytes) -> bytes:
    """Return an item's AV1 data, with zeros appended to the last open bitstream unit."""
    last: Obu | None = None
    for unit in obus(item):
        last = unit
    if last is None:
        return item
    content = item[last.begin :] + bytes(max(int(len(item) * _ROOM_SHARE), _ROOM_MIN_BYTES))
    size = leb128(len(content)) if last.has_size else b""
    return item[: last.size_at] + size + content
