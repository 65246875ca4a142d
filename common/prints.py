"""The print of a cover, which identifies the cover in a photograph: points, a small picture and a hash.

| field | bytes | content |
| --- | --- | --- |
| `points` | 20 each, at most 250 | 16 bytes of code, then x and y as little-endian uint16; strongest first |
| `thumbnail` | at most 2,900 | the cover scaled to 64 x 64 pixels, as a WebP file |
| `pdq` | 32 | the PDQ hash of 256 bits, the first bit in the highest bit of the first byte |

A place is a fraction of the cover's width or height: 0 is the left or upper edge, 65,535 the right or lower
edge. The codes of two points are compared by the number of bits that differ. Prints of different versions are
never compared.

`pack_print` writes a print as one string of bytes, in the replies of decoders and of distributed ingests, and
in an export: the version (u16), the longest side (u16), the lengths of the points and of the thumbnail (u32
each), all little-endian, then the points, the thumbnail and the PDQ hash.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.errors import DamagedPrint

#: Pins the detector, the descriptor's rotation and all sizes. A change of any print requires a new number.
PRINT_VERSION = 1
MAX_POINTS = 250
CODE_BYTES = 16
THUMBNAIL_PX = 64
THUMBNAIL_MAX_BYTES = 2900
PDQ_BYTES = 32
#: The longest side of the raster in which points are found.
MAX_SIDE_PX = 448
_PLACE_MAX = 65535
_POINT = np.dtype([("code", np.uint8, (CODE_BYTES,)), ("place", "<u2", (2,))])
POINT_BYTES = _POINT.itemsize
_HEAD = struct.Struct("<HHII")

Codes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Print:
    """The print of one cover, as it is stored."""

    version: int
    #: The longest side in pixels of the raster in which the points were found.
    side_px: int
    points: bytes
    thumbnail: bytes
    pdq: bytes

    @property
    def size_bytes(self) -> int:
        """Return the number of bytes of all fields with variable length and of the hash."""
        return len(self.points) + len(self.thumbnail) + len(self.pdq)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Local points: `codes` has the shape (n, 16), `places` the shape (n, 2) with x and y from 0 to 1."""

    codes: Codes
    places: Places

    def __len__(self) -> int:
        return len(self.codes)


def pack_points(points: Points) -> bytes:
    """Return the stored form of at most `MAX_POINTS` points, in the same order."""
    packed = np.empty(len(points), dtype=_POINT)
    packed["code"] = points.codes
    packed["place"] = np.rint(np.clip(points.places, 0.0, 1.0) * _PLACE_MAX).astype(np.uint16)
    return packed.tobytes()


def unpack_points(packed: bytes) -> Points:
    """Return the points in the stored form.

    Raises:
        DamagedPrint: the bytes are not a whole number of points, or are too many points.
    """
    _check_points(packed)
    records = np.frombuffer(packed, dtype=_POINT)
    return Points(
        codes=np.ascontiguousarray(records["code"]),
        places=records["place"].astype(np.float32) / np.float32(_PLACE_MAX),
    )


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


def validate_print(found: Print) -> Print:
    """Return the print if its fields are valid and it has the current version.

    Raises:
        DamagedPrint: a field has an invalid length or content, or the version is another.
    """
    if found.version != PRINT_VERSION:
        raise DamagedPrint(
            f"the print has version {found.version}, this release reads version {PRINT_VERSION}: "
            "run `python -m catalog prints`"
        )
    if not 0 < found.side_px <= MAX_SIDE_PX:
        raise DamagedPrint(f"the print's side of {found.side_px} px is not between 1 and {MAX_SIDE_PX}")
    _check_points(found.points)
    _check_thumbnail(found.thumbnail)
    if len(found.pdq) != PDQ_BYTES:
        raise DamagedPrint(f"the print's hash has {len(found.pdq)} bytes, not {PDQ_BYTES}")
    return found


def pdq_distance(one: bytes, other: bytes) -> int:
    """Return the number of bits in which two PDQ hashes differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def pdq_distances(one: bytes, others: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """Return the number of bits in which a PDQ hash differs from each of the others."""
    table = np.frombuffer(b"".join(others), dtype=np.uint64).reshape(-1, PDQ_BYTES // 8)
    bits = np.bitwise_count(table ^ np.frombuffer(one, dtype=np.uint64))
    differing: npt.NDArray[np.int64] = bits.sum(axis=1, dtype=np.int64)
    return differing


def _check_points(packed: bytes) -> None:
    count, rest = divmod(len(packed), POINT_BYTES)
    if rest or count > MAX_POINTS:
        raise DamagedPrint(
            f"the print's points have {len(packed)} bytes, not at most {MAX_POINTS} times {POINT_BYTES}"
        )


def _check_thumbnail(thumbnail: bytes) -> None:
    is_webp = thumbnail[:4] == b"RIFF" and thumbnail[8:12] == b"WEBP"
    # A WebP file states its own length, apart from the first eight bytes.
    if not is_webp or int.from_bytes(thumbnail[4:8], "little") + 8 != len(thumbnail):
        raise DamagedPrint("the print's thumbnail is not a whole WebP file")
    if len(thumbnail) > THUMBNAIL_MAX_BYTES:
        raise DamagedPrint(
            f"the print's thumbnail has {len(thumbnail)} bytes, more than {THUMBNAIL_MAX_BYTES}"
        )
