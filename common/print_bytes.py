"""A print as one string of bytes, in the replies of decoders and of distributed ingests, and in an export.

The bytes are the version (u16), the longest side (u16), the lengths of the points and of the thumbnail (u32
each), all little-endian, then the points, the thumbnail and the PDQ hash.
"""

import struct

from common.prints import PDQ_BYTES, Print

_HEAD = struct.Struct("<HHII")


def pack_print(cover_print: Print) -> bytes:
    """Return a print as bytes."""
    head = _HEAD.pack(
        cover_print.version, cover_print.side_px, len(cover_print.points), len(cover_print.thumbnail)
    )
    return head + cover_print.points + cover_print.thumbnail + cover_print.pdq


def unpack_print(packed: bytes) -> Print:
    """Return the print in bytes that `pack_print` returned; the print itself is not validated.

    Raises:
        ValueError: the bytes have another length than their first bytes say.
    """
    if len(packed) < _HEAD.size:
        raise ValueError("a print is cut short")
    version, side_px, points_bytes, thumbnail_bytes = _HEAD.unpack_from(packed)
    if len(packed) != _HEAD.size + points_bytes + thumbnail_bytes + PDQ_BYTES:
        raise ValueError("a print is cut short, or is followed by other bytes")
    thumbnail_at = _HEAD.size + points_bytes
    pdq_at = thumbnail_at + thumbnail_bytes
    return Print(
        version=version,
        side_px=side_px,
        points=packed[_HEAD.size : thumbnail_at],
        thumbnail=packed[thumbnail_at:pdq_at],
        pdq=packed[pdq_at:],
    )
