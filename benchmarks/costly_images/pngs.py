"""PNGs with costly filters and bit depths, with deflate blocks without data, or with very many chunks."""

import math
import struct
import zlib

import numpy as np

from benchmarks.costly_images.family import Family
from common.images.cost.png import png_chunks

_GREY, _COLOUR, _COLOUR_ALPHA = 0, 2, 6
_SAMPLES = {_GREY: 1, _COLOUR: 3, _COLOUR_ALPHA: 4}
_PAETH = b"\x04"
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
#: A dynamic deflate block that has code tables and no data, so that it decompresses to nothing.
_BARREN_BITS, _BARREN = 91, 0x4D5FF10000000000081C004


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))


def _png(
    side: int,
    data: bytes,
    *,
    colours: int = _GREY,
    depth: int = 8,
    interlaced: bool = False,
    before: bytes = b"",
    chunk_bytes: int = 1 << 20,
    width: int | None = None,
) -> bytes:
    header = struct.pack("!IIBBBBB", width or side, side, depth, colours, 0, 0, interlaced)
    pieces = (data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + b"".join(chunk(b"IDAT", piece) for piece in pieces)
        + chunk(b"IEND", b"")
    )


def _rows(side: int, *, colours: int, depth: int, interlaced: bool) -> bytes:
    """Return the compressed rows of a single-colour picture; each row uses the slowest filter, Paeth."""
    packer, made = zlib.compressobj(9), []
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(side - left) // across), -(-(side - top) // down)
        row = _PAETH + bytes(-(-columns * depth * _SAMPLES[colours] // 8))
        made += [packer.compress(row) for _ in range(rows)]
    return b"".join([*made, packer.flush()])


def filtered(
    side: int,
    *,
    colours: int = _COLOUR_ALPHA,
    depth: int = 8,
    interlaced: bool = True,
    before: bytes = b"",
) -> bytes:
    """Return a single-colour PNG whose rows use the slowest filter, Paeth."""
    rows = _rows(side, colours=colours, depth=depth, interlaced=interlaced)
    return _png(side, rows, colours=colours, depth=depth, interlaced=interlaced, before=before)


def truncated(side: int) -> bytes:
    """Return a PNG without its last 5 %; decoding this file takes three times the estimate."""
    whole = filtered(side)
    return whole[: -len(whole) // 20]


def barren_blocks(side: int, *, size_bytes: int | None = None, colours: int = _GREY) -> bytes:
    """Return a PNG whose data starts with empty deflate blocks, by default half a byte of them per pixel."""
    eight = sum(_BARREN << (number * _BARREN_BITS) for number in range(8)).to_bytes(_BARREN_BITS, "little")
    rows = (_PAETH + bytes(side * _SAMPLES[colours])) * side
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    barren = eight * ((side * side // 2 if size_bytes is None else size_bytes) // len(eight))
    ending = packer.compress(rows) + packer.flush() + struct.pack("!I", zlib.adler32(rows))
    return _png(side, b"\x78\x01" + barren + ending, colours=colours)


def _with_chunks(kind: bytes, data: bytes, count: int) -> bytes:
    return _png(8, zlib.compress(bytes(8 * 9)), before=chunk(kind, data) * count)


def _barren_rgba(side: int) -> bytes:
    return barren_blocks(side, size_bytes=9_000_000, colours=_COLOUR_ALPHA)


def _barren_frame(size_bytes: int) -> bytes:
    """Return a PNG whose pixel data is in the frame chunks of an animation (`fdAT`)."""
    blocks = barren_blocks(8, size_bytes=size_bytes)
    control = chunk(b"acTL", struct.pack("!II", 1, 0))
    control += chunk(b"fcTL", struct.pack("!IIIIIHHBB", 0, 8, 8, 0, 0, 1, 1, 0, 0))
    pieces = [blocks[begin:end] for kind, begin, end in png_chunks(blocks) if kind == b"IDAT"]
    rows = (chunk(b"fdAT", struct.pack("!I", number) + piece) for number, piece in enumerate(pieces, 1))
    return blocks[: blocks.index(b"IDAT") - 4] + control + b"".join(rows) + chunk(b"IEND", b"")


def two_headers(side: int) -> bytes:
    """Return a PNG with two headers; Pillow uses the second, which declares a larger picture."""
    whole = filtered(side, depth=16)
    return whole[:8] + chunk(b"IHDR", struct.pack("!IIBBBBB", 16, 16, 8, 0, 0, 0, 0)) + whole[8:]


def _tiny_chunks(count: int) -> bytes:
    side = math.isqrt(count)
    noise = np.random.default_rng(7).integers(0, 256, (side, side + 1), dtype=np.uint8)
    noise[:, 0] = 0
    return _png(side, zlib.compress(noise.tobytes(), 0), chunk_bytes=1)


def png_of_size(width: int, height: int) -> bytes:
    """Return a black PNG of one bit a pixel."""
    packer, size_bytes = zlib.compressobj(9), height * (1 + -(-width // 8))
    pieces = (min(1 << 20, size_bytes - start) for start in range(0, size_bytes, 1 << 20))
    made = [packer.compress(bytes(piece)) for piece in pieces]
    return _png(height, b"".join([*made, packer.flush()]), depth=1, width=width)


_MEGABYTE = zlib.compress(bytes(900_000), 9)

FAMILIES = (
    Family(
        "RGBA of 16 bits, Paeth, interlaced", "PNG", lambda n: filtered(n, depth=16), 7071, is_light=False
    ),
    Family("RGBA, Paeth, interlaced", "PNG", filtered, 7071, is_light=False),
    Family(
        "RGB of 16 bits, Paeth, interlaced",
        "PNG",
        lambda n: filtered(n, colours=_COLOUR, depth=16),
        7071,
        is_light=False,
    ),
    Family(
        "RGB of 16 bits, one colour of it transparent",
        "PNG",
        lambda n: filtered(n, colours=_COLOUR, depth=16, before=chunk(b"tRNS", bytes(6))),
        7071,
        is_light=False,
    ),
    Family(
        "grey of 16 bits, Paeth", "PNG", lambda n: filtered(n, colours=_GREY, depth=16), 8000, is_light=False
    ),
    Family("deflate blocks without data, RGBA", "PNG", _barren_rgba, 7071, is_light=False),
    Family("deflate blocks without data", "PNG", lambda n: barren_blocks(8, size_bytes=n), 40_000_000),
    Family("deflate blocks without data as an animation's frame", "PNG", _barren_frame, 40_000_000),
    Family("one pixel wide", "PNG", lambda n: png_of_size(1, n), 60_000_000, is_light=False),
    Family("chunks of one byte", "PNG", _tiny_chunks, 700_000),
    Family("profiles that inflate", "PNG", lambda n: _with_chunks(b"iCCP", b"a\0\0" + _MEGABYTE, n), 5000),
    Family("texts that inflate", "PNG", lambda n: _with_chunks(b"zTXt", b"a\0\0" + _MEGABYTE, n), 5000),
    Family("empty chunks", "PNG", lambda n: _with_chunks(b"abCd", b"", n), 700_000),
)
