"""GIFs with a large canvas, long codes, or many blocks before the first frame."""

import struct

from PIL import Image

from benchmarks.costly_images.family import Family, encoded, noise

_CLEAR, _END = 256, 257
_PALETTE = bytes(number * step % 256 for number in range(256) for step in (1, 3, 7))


def _codes(codes: list[int]) -> bytes:
    """Return the codes packed as nine bits each."""
    packed = sum(code << (9 * number) for number, code in enumerate(codes))
    return packed.to_bytes(-(-9 * len(codes) // 8), "little")


def _gif(canvas: int, frame: tuple[int, int], data: bytes, *, before: bytes = b"") -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", canvas, canvas, 0xF7, 0, 0) + _PALETTE
    descriptor = b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x08"
    blocks = b"".join(bytes([len(part)]) + part for part in _pieces(data, 255))
    return head + before + descriptor + blocks + b"\0;"


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _dot_on_canvas(side: int) -> bytes:
    transparent = b"!\xf9\x04\x01\0\0\1\0"
    return _gif(side, (1, 1), _codes([_CLEAR, 1, _END]), before=transparent)


def _transparent(side: int) -> bytes:
    return encoded(Image.new("P", (side, side)), "GIF", transparency=0)


def _literals(side: int) -> bytes:
    """Return a GIF in which each code represents only one pixel."""
    unit = [_CLEAR, *(number % 256 for number in range(247))]
    return _gif(side, (side, side), _codes(unit) * (side * side // 247 + 1) + _codes([_CLEAR, _END]))


def _with_blocks(block: bytes, count: int) -> bytes:
    return _gif(8, (8, 8), _codes([_CLEAR, *([1] * 64), _END]), before=block * count)


FAMILIES = (
    Family("a dot on a transparent canvas", "GIF", _dot_on_canvas, 7200),
    Family("a transparent picture", "GIF", _transparent, 7200, is_light=False),
    Family("pixels of nine bits each", "GIF", _literals, 7200, is_light=False),
    Family(
        "noise of single pixels",
        "GIF",
        lambda n: encoded(noise(n, n, grain_px=1).quantize(256), "GIF"),
        4000,
        is_light=False,
    ),
    Family("many comments", "GIF", lambda n: _with_blocks(b"!\xfe\x01a\0", n), 1_500_000),
    Family(
        "blocks of one comment", "GIF", lambda n: _with_blocks(b"!\xfe" + b"\x01a" * n + b"\0", 1), 4_000_000
    ),
    Family("junk before the frame", "GIF", lambda n: _with_blocks(b"\x01", n), 9_000_000),
)
