"""The size, estimated decoding cost and declared length of a WebP; only its first frame is decoded."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from common.images.cost.unit_costs import (
    ALPHA_PX_S,
    COLOUR_PX_S,
    ROTATION_PX_S,
    ImageSummary,
    check_parts,
    directory_s,
)

_RIFF_BYTES, _FORM_BYTES = 8, 4
_LENGTH = Struct("<I")
_CHUNK = Struct("<4sI")
_FRAME_HEADER_BYTES = 16
#: The size in bytes of a VP8X chunk, which contains flags, three reserved bytes, and 24-bit width and height.
_EXTENDED_BYTES = 10
#: A lossy frame begins with a three-byte frame tag, a three-byte start code, and width and height of 14 bits
#: each.
_LOSSY_START, _LOSSY_SIZE, _SIDE_BITS = b"\x9d\x01\x2a", Struct("<HH"), 14
_LOSSLESS_START = b"\x2f"
_HAS_ALPHA = 0x10

#: The cost per pixel and the cost per byte of lossy data, the same two costs of lossless data, and the cost
#: per pixel of an alpha plane.
_LOSSY_PX_S, _LOSSY_BYTE_S = 8e-9, 55e-9
_LOSSLESS_PX_S, _LOSSLESS_BYTE_S = 15e-9, 60e-9
_ALPHA_PLANE_PX_S = 5e-9


@dataclass(slots=True)
class _Reading:
    """The data collected while reading a WebP file."""

    width: int = 0
    height: int = 0
    is_transparent: bool = False
    exif_bytes: int = 0
    #: The number of pixels of the first frame.
    pixels: int = 0
    frame_s: float = 0.0
    has_frame: bool = False

    def add_chunk(self, kind: bytes, body: bytes) -> None:
        """Record what one chunk says about the picture, and add the cost of decoding the chunk."""
        if kind == b"VP8X" and len(body) >= _EXTENDED_BYTES:
            self.is_transparent = self.is_transparent or bool(body[0] & _HAS_ALPHA)
            self.width, self.height = _u24(body, 4) + 1, _u24(body, 7) + 1
        elif kind == b"EXIF":
            self.exif_bytes += len(body)
        elif not self.has_frame:
            self.add_frame(kind, body)

    def add_frame(self, kind: bytes, body: bytes) -> None:
        """Add the cost of a chunk if the chunk contains the first frame or a part of this frame."""
        if kind == b"ANMF":
            for inner, begin, end in _chunks(body, _FRAME_HEADER_BYTES):
                self.add_frame(inner, body[begin:end])
            self.has_frame = True
        elif kind == b"ALPH":
            self.is_transparent = True
            self.frame_s += len(body) * _LOSSLESS_BYTE_S
        elif kind == b"VP8 ":
            self.add_lossy(body)
        elif kind == b"VP8L":
            self.add_lossless(body)

    def add_lossy(self, body: bytes) -> None:
        self.has_frame = True
        self.frame_s += len(body) * _LOSSY_BYTE_S
        at = body.find(_LOSSY_START, 0, 16) + len(_LOSSY_START)
        if at >= len(_LOSSY_START) and at + _LOSSY_SIZE.size <= len(body):
            across, down = _LOSSY_SIZE.unpack_from(body, at)
            mask = (1 << _SIDE_BITS) - 1
            self._sized(across & mask, down & mask, _LOSSY_PX_S)

    def add_lossless(self, body: bytes) -> None:
        self.has_frame = True
        self.frame_s += len(body) * _LOSSLESS_BYTE_S
        if body.startswith(_LOSSLESS_START) and len(body) > _LENGTH.size:
            (bits,) = _LENGTH.unpack_from(body, 1)
            mask = (1 << _SIDE_BITS) - 1
            self.is_transparent = self.is_transparent or bool(bits >> 2 * _SIDE_BITS & 1)
            self._sized((bits & mask) + 1, (bits >> _SIDE_BITS & mask) + 1, _LOSSLESS_PX_S)

    def _sized(self, width: int, height: int, price: float) -> None:
        self.pixels = width * height
        self.frame_s += self.pixels * price
        self.width, self.height = self.width or width, self.height or height


def read_webp(data: bytes) -> ImageSummary:
    """Return the size and estimated decoding cost of a WebP.

    Raises:
        ImageTooCostly: the WebP has too many chunks.
    """
    if len(data) < _RIFF_BYTES + _FORM_BYTES:
        return ImageSummary()
    reading = _Reading()
    for kind, begin, end in _chunks(data, _RIFF_BYTES + _FORM_BYTES):
        reading.add_chunk(kind, data[begin:end])
    canvas_px = reading.width * reading.height
    plane_s = max(canvas_px, reading.pixels) * (_ALPHA_PLANE_PX_S if reading.is_transparent else 0.0)
    price = ALPHA_PX_S if reading.is_transparent else COLOUR_PX_S
    price += ROTATION_PX_S if reading.exif_bytes else 0.0
    return ImageSummary(
        width=reading.width,
        height=reading.height,
        cost_s=reading.frame_s + plane_s + canvas_px * price + directory_s(reading.exif_bytes),
    )


def declared_webp_bytes(data: bytes) -> int:
    """Return the length in bytes that the file's header declares."""
    return _RIFF_BYTES + int(_LENGTH.unpack_from(data, 4)[0]) if len(data) >= _RIFF_BYTES else 0


def _chunks(data: bytes, offset: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type and the data offsets of each chunk; the last chunk can be truncated."""
    parts = 0
    while offset + _CHUNK.size <= len(data):
        parts += 1
        check_parts(parts, "chunks")
        kind, length = _CHUNK.unpack_from(data, offset)
        begin = offset + _CHUNK.size
        yield kind, begin, min(begin + length, len(data))
        offset = begin + length + length % 2


def _u24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
