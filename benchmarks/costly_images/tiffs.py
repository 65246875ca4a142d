"""TIFFs of each compression type, with many strips or tags, oversized tiles, or embedded JPEGs."""

import lzma
import struct
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from PIL import Image

from benchmarks.costly_images.family import Family, encoded
from benchmarks.costly_images.jpegs import repeated_last_scan

_SIGNED_LONG = 9
_RAW, _LZW, _JPEG, _DEFLATE, _LZMA = 1, 5, 7, 8, 34925
_GREY, _RGB, _LAB = 1, 2, 8
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 16: "Q"}
_UNDEFINED = 7


def tiff(
    width: int,
    height: int,
    strip: bytes,
    *,
    parts: int = 1,
    bits: Sequence[int] = (8,),
    compression: int = _DEFLATE,
    photometric: int = _GREY,
    rows: int | None = None,
    tile: tuple[int, int] | None = None,
    extra: Sequence[tuple[int, int, Sequence[int]]] = (),
    types: Mapping[int, int] = MappingProxyType({}),
) -> bytes:
    """Return a TIFF whose strips or tiles share the same data; `types` overrides the field types of tags."""
    places, sizes = [8] * parts, [len(strip)] * parts
    fields: list[tuple[int, int, Sequence[int]]] = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, bits),
        (259, 3, [compression]),
        (262, 3, [photometric]),
        (277, 3, [len(bits)]),
        *extra,
    ]
    if tile:
        fields += [(322, 4, [tile[0]]), (323, 4, [tile[1]]), (324, 4, places), (325, 4, sizes)]
    else:
        fields += [(273, 4, places), (278, 4, [rows or height]), (279, 4, sizes)]
    return file(strip, sorted((tag, types.get(tag, kind), values) for tag, kind, values in fields))


def file(strip: bytes, fields: Sequence[tuple[int, int, Sequence[int]]]) -> bytes:
    """Return a TIFF with one strip and the given fields; each field is a tag, a field type and the values."""
    body = bytearray(b"II*\0\0\0\0\0" + strip)
    entries = b""
    places: dict[bytes, int] = {}
    for tag, kind, values in fields:
        packed = (
            values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_CODES[kind]}", *values)
        )
        if len(packed) > 4:
            if packed not in places:
                places[packed] = len(body)
                body += packed
            packed = struct.pack("<I", places[packed])
        entries += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    body[4:8] = struct.pack("<I", len(body))
    return bytes(body + struct.pack("<H", len(fields)) + entries + bytes(4))


def _packed(kind: int, values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}{_CODES[kind]}", *values)


def _alpha(side: int) -> bytes:
    extra = ((317, 3, [2]), (338, 3, [2]))
    strip = zlib.compress(bytes(side * side * 4))
    return tiff(side, side, strip, bits=(8,) * 4, photometric=_RGB, extra=extra)


def _lab(side: int) -> bytes:
    return tiff(side, side, zlib.compress(bytes(side * side * 3)), bits=(8,) * 3, photometric=_LAB)


def _sixteen(side: int) -> bytes:
    return tiff(side, side, zlib.compress(bytes(side * side * 6)), bits=(16,) * 3, photometric=_RGB)


def _lzma(side: int) -> bytes:
    few = np.random.default_rng(7).integers(0, 2, side * side // 8, dtype=np.uint8)
    strip = lzma.compress(few.tobytes() * 8, preset=0)
    return tiff(side, side, strip, compression=_LZMA)


def _alternating(side: int) -> bytes:
    """Return a Group 4 TIFF of alternating black and white pixels, which need one bit each."""
    rows = np.zeros((side, side), dtype=bool)
    rows[:, ::2] = True
    return encoded(Image.fromarray(rows), "TIFF", compression="group4")


def _white(side: int) -> bytes:
    return encoded(Image.new("1", (side, side), 1), "TIFF", compression="group4")


def _strips(count: int, *, compression: int = _RAW) -> bytes:
    strip = bytes(80) if compression == _RAW else zlib.compress(bytes(80))
    return tiff(80, count, strip, parts=count, rows=1, compression=compression)


def _padded_tiles(count: int) -> bytes:
    """Return a TIFF that is 16 pixels wide, in tiles that are 5,008 pixels wide."""
    return tiff(16, 16 * count, zlib.compress(bytes(5008 * 16)), parts=count, tile=(5008, 16))


def _one_tile(side: int) -> bytes:
    return tiff(16, 16, zlib.compress(bytes(side * side)), tile=(side, side))


def signed_tile(side: int) -> bytes:
    """Return a TIFF with one tile larger than the picture; the tile's size is stored as signed integers."""
    types = {322: _SIGNED_LONG, 323: _SIGNED_LONG}
    return tiff(16, 16, zlib.compress(bytes(side * side)), tile=(side, side), types=types)


def _tags(count: int) -> bytes:
    more = tuple((1000 + number, 4, [1]) for number in range(count))
    return tiff(16, 16, zlib.compress(bytes(256)), extra=more)


def _empty_blocks(count: int) -> bytes:
    """Return a TIFF with one strip per row; all strips share data with 1,000 empty deflate blocks."""
    row = zlib.compress(bytes(80))
    return tiff(80, count, row[:2] + b"\0\0\0\xff\xff" * 1000 + row[2:], parts=count, rows=1)


def _clear_codes(count: int) -> bytes:
    """Return a TIFF with one strip per row; all strips share LZW codes that only clear the code table."""
    codes = int("".join(format(256, "09b") for _ in range(8)), 2).to_bytes(9)
    return tiff(80, count, codes * 1000, parts=count, rows=1, compression=_LZW)


def _shared_values(count: int) -> bytes:
    """Return a TIFF with `count` tags that share the same value of one megabyte."""
    value = bytes(1_000_000)
    more = [(1000 + number, _UNDEFINED, value) for number in range(count)]
    return tiff(16, 16, zlib.compress(bytes(256)), extra=more)


def _jpeg_strip(scans: int) -> bytes:
    return tiff(7000, 7000, repeated_last_scan(scans), compression=_JPEG)


FAMILIES = (
    Family("RGBA, deflate with a predictor", "TIFF", _alpha, 7071, is_light=False),
    Family("RGB of 16 bits, deflate", "TIFF", _sixteen, 7071, is_light=False),
    Family("LAB, deflate", "TIFF", _lab, 7200, is_light=False),
    Family("LZMA", "TIFF", _lzma, 20_000, is_light=False),
    Family("Group 4, pixels that alternate", "TIFF", _alternating, 9000, is_light=False),
    Family("Group 4, white", "TIFF", _white, 9000, is_light=False),
    Family("strips without compression", "TIFF", _strips, 1_500_000),
    Family("strips with deflate", "TIFF", lambda n: _strips(n, compression=_DEFLATE), 1_000_000),
    Family("tiles wider than the picture", "TIFF", _padded_tiles, 40_000),
    Family("one tile larger than the picture", "TIFF", _one_tile, 25_000, is_light=False),
    Family("one tile of a signed size", "TIFF", signed_tile, 25_000, is_light=False),
    Family("many tags", "TIFF", _tags, 60_000),
    Family("strips of the same empty deflate blocks", "TIFF", _empty_blocks, 20_000),
    Family("strips of the same LZW codes", "TIFF", _clear_codes, 20_000),
    Family("tags with the same value", "TIFF", _shared_values, 200),
    Family("a JPEG of many scans in a strip", "TIFF", _jpeg_strip, 500),
)
