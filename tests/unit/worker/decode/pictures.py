"""Draw and encode pictures for tests of decoding."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from worker.decode.image import decode_image


def decode(data: bytes, *, size_px: int, max_pixels: int = 50_000_000) -> npt.NDArray[np.uint8]:
    """Decode a file in this process; return RGB levels, shape (size_px, size_px, 3)."""
    return np.asarray(decode_image(data, size_px=size_px, max_pixels=max_pixels))


def noise(width: int, height: int, *, mode: str = "RGB", grain_px: int = 1) -> Image.Image:
    """Return random samples; a larger grain makes the picture compress like a photograph."""
    draw = np.random.default_rng(width * 10_007 + height)
    size = (-(-height // grain_px), -(-width // grain_px), 3)
    small = Image.fromarray(draw.integers(0, 256, size, dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode the picture in this format, and return the file's bytes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def quadrants(side: int = 64) -> Image.Image:
    """Return a picture of four quadrants: red and green above blue and white."""
    image = Image.new("RGB", (side, side), "white")
    half = side // 2
    for colour, place in (("red", (0, 0)), ("lime", (half, 0)), ("blue", (0, half))):
        image.paste(Image.new("RGB", (half, half), colour), place)
    return image


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that declares this size but has almost no pixel data."""
    return _png(struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0), zlib.compress(bytes(1000)))


def png_bomb(width: int, height: int) -> bytes:
    """Return a small black PNG that has pixel data for its whole declared size."""
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return _png(struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0), data)


def tiff_of_one_tile(tile_px: int, *, side: int = 16) -> bytes:
    """Return a small TIFF with one tile of this declared size, which libtiff allocates completely."""
    data = zlib.compress(bytes(10_000))
    compression, grey = 8, 1
    entries = [(256, side), (257, side), (258, 8), (259, compression), (262, grey), (277, 1)]
    entries += [(322, tile_px), (323, tile_px), (324, 8), (325, len(data))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    place = struct.pack("<I", 8 + len(data))
    return b"II*\0" + place + data + struct.pack("<H", len(entries)) + directory + bytes(4)


def _png(header: bytes, data: bytes) -> bytes:
    chunks = (b"IHDR", header), (b"IDAT", data), (b"IEND", b"")
    body = b"".join(
        struct.pack("!I", len(content)) + kind + content + struct.pack("!I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
