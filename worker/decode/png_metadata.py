"""Reads the metadata of a PNG up to a maximum size, and removes the metadata before Pillow parses the file.

Pillow would refuse a picture if a text or a profile in its metadata decompresses to more than a megabyte, or
if a text or a transparent colour is damaged.
"""

import zlib

from common.images.cost.png import CHUNK, CRC_BYTES, PROFILE_BYTES_MAX, png_chunks

_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_PROFILE = b"iCCP"
_REMOVED = _TEXTS | {_PROFILE}
_TRANSPARENCY = b"tRNS"
#: Offset of the colour type in the file, and the size of a transparent colour by colour type (grey and RGB).
_COLOUR_TYPE_AT, _TRANSPARENCY_BYTES = 25, {0: 2, 2: 6}
_DEFLATE = 0


def without_metadata(data: bytes) -> bytes:
    """Return the PNG file without its text chunks, its ICC profile and an incomplete transparent colour."""
    kept, start = [], 0
    least_bytes = _TRANSPARENCY_BYTES.get(data[_COLOUR_TYPE_AT], 0) if len(data) > _COLOUR_TYPE_AT else 0
    for kind, begin, end in png_chunks(data):
        if kind in _REMOVED or (kind == _TRANSPARENCY and end - begin < least_bytes):
            kept.append(data[start : begin - CHUNK.size])
            start = end + CRC_BYTES
    return b"".join([*kept, data[start:]]) if kept else data


def embedded_profile(data: bytes) -> bytes | None:
    """Return the ICC profile of a PNG, or None if the profile is missing, damaged or too long."""
    content = _first(data, _PROFILE)
    name, separator, packed = content.partition(b"\0")
    if not name or not separator or not packed or packed[0] != _DEFLATE:
        return None
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(packed[1:], PROFILE_BYTES_MAX)
    except zlib.error:
        return None
    return profile if inflater.eof else None


def colour_codes(data: bytes) -> tuple[int, int] | None:
    """Return a PNG's codes for primaries and transfer function (chunk `cICP`), or None without this chunk."""
    content = _first(data, b"cICP")
    return (content[0], content[1]) if len(content) > 1 else None


def _first(data: bytes, wanted: bytes) -> bytes:
    """Return the content of the first chunk of a type before the pixel data; empty bytes if there is none."""
    for kind, begin, end in png_chunks(data):
        if kind == b"IDAT":
            break
        if kind == wanted:
            return data[begin:end]
    return b""
