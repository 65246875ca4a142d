"""Run-length encoded BMPs, which Pillow decodes in Python code."""

import struct

from PIL import Image

from benchmarks.costly_images.family import Family, encoded

_RLE8, _RLE4 = 1, 2
_END_OF_LINE = b"\0\0"


def runs(width: int, height: int, data: bytes, *, bits: int = 8) -> bytes:
    """Return a run-length encoded BMP with 4 or 8 bits per pixel."""
    colours = 1 << bits
    palette = b"".join(bytes((n * 7 % 256, n * 3 % 256, n, 0)) for n in range(colours))
    start = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHI", 40, width, height, 1, bits, _RLE8 if bits == 8 else _RLE4)
    header += struct.pack("<IiiII", len(data), 0, 0, colours, 0)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + palette + data


def short_lines(side: int) -> bytes:
    """Return a BMP whose rows encode only their first pixel, so that the decoder must fill the rest."""
    return runs(side, side, (b"\1\5" + _END_OF_LINE) * side)


def _single_pixels(side: int) -> bytes:
    return runs(side, side, (b"\1\5" * side + _END_OF_LINE) * side)


def _half_bytes(side: int) -> bytes:
    row = b"\xff\x35" * (side // 255) + bytes([side % 255, 0x35])
    return runs(side, side, (row + _END_OF_LINE) * side, bits=4)


FAMILIES = (
    Family("run lengths, rows that end after one pixel", "BMP", short_lines, 7000),
    Family("run lengths of one pixel", "BMP", _single_pixels, 7000, is_light=False),
    Family("run lengths of 4 bits", "BMP", _half_bytes, 7000),
    Family("1 bit", "BMP", lambda n: encoded(Image.new("1", (n, n)), "BMP"), 9000, is_light=False),
)
