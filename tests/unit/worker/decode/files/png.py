"""Write PNG files byte by byte from known samples."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[Any]
Chunk = tuple[bytes, bytes]

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def png(samples: Samples, *, kind: int, depth: int = 8, chunks: Sequence[Chunk] = ()) -> bytes:
    """Return a PNG; samples are 0 to 2^depth - 1, shape (height, width) or (height, width, channels)."""
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1)
    header = struct.pack("!IIBBBBB", width, height, depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + packed(row, depth) for row in rows))
    body = (b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in body)


def packed(row: Samples, depth: int) -> bytes:
    """Return the samples of a row packed without gaps, each with its most significant bit first."""
    bits = (row.astype(np.uint32)[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8).ravel()).tobytes()


def transparent(*key: int) -> Chunk:
    """Return the chunk (tRNS) that makes one colour transparent."""
    return b"tRNS", struct.pack(f"!{len(key)}H", *key)


def palette(colours: Samples, alphas: Samples | None = None) -> tuple[Chunk, ...]:
    plte = b"PLTE", colours.astype(np.uint8).tobytes()
    return (plte,) if alphas is None else (plte, (b"tRNS", alphas.astype(np.uint8).tobytes()))


def profile(content: bytes) -> Chunk:
    return b"iCCP", b"profile\0\0" + zlib.compress(content)


def gamma(value: float) -> Chunk:
    return b"gAMA", struct.pack("!I", round(value * 100_000))


def chromaticities(*values: float) -> Chunk:
    """Return the chunk (cHRM) with the x and y of white, red, green and blue."""
    return b"cHRM", struct.pack("!8I", *(round(value * 100_000) for value in values))


def codes(primaries: int, transfer: int) -> Chunk:
    return b"cICP", bytes((primaries, transfer, 0, 1))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack("!I", len(content)) + kind + content + struct.pack("!I", zlib.crc32(kind + content))
