"""Counts the pictures in AV1 and HEVC data without decoding, because a still image can contain many pictures.

AV1 data is a sequence of open bitstream units (OBUs). Each unit is a header byte, an optional extension byte,
an optional size (LEB128) and the content; the header byte tells which optional fields exist.

HEVC data is a sequence of NAL units. Each unit is a length, a header of two bytes and the content.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from common.errors import UndecodableImage

T = TypeVar("T")

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6
_HAS_EXTENSION, _HAS_SIZE = 0x04, 0x02
_LEB128_BYTES_MAX = 8
_TIER_LEVEL_MIN = 8
#: NAL unit types below this number are slices of pictures.
_NAL_SLICES_END = 32
_NAL_HEADER_BYTES = 2
_FIRST_SLICE = 0x80


#: Maximum number of units in all items together; a tiled picture of 48 megapixels has about 1,000.
_UNITS_MAX = 20_000
_LENGTH_BYTES_AT = 21


class CodedPixels:
    """Counts the pixels that a decoder would produce from a file's items, in bounded time."""

    def __init__(self, file: bytes) -> None:
        self._file = file
        self._units_left = _UNITS_MAX
        self._bytes_left = 2 * len(file)
        self._known: dict[tuple[object, ...], int] = {}

    def of(
        self, codec: bytes, extents: Sequence[tuple[int, int]], *, declared: int, configuration: bytes
    ) -> int:
        """Return the number of pixels in an item's pictures, or the declared number if that is larger.

        Raises:
            UndecodableImage: the items have too many units, or too many items share the same data.
        """
        # Counts are cached, because a grid can refer to the same item in each of its cells.
        key = (codec, tuple(extents), declared, configuration)
        if key not in self._known:
            data = self._read(extents)
            is_av1 = codec == b"av01"
            self._known[key] = (
                self._av1(data, declared) if is_av1 else self._hevc(data, declared, configuration)
            )
        return self._known[key]

    def _hevc(self, data: bytes, declared: int, configuration: bytes) -> int:
        length_bytes = 4
        if len(configuration) > _LENGTH_BYTES_AT:
            length_bytes = (configuration[_LENGTH_BYTES_AT] & 3) + 1
        # libheif refuses pictures whose size differs from the declared size.
        pictures = sum(self._counted(hevc_pictures(data, length_bytes=length_bytes)))
        return declared * max(pictures, 1)

    def _av1(self, data: bytes, declared: int) -> int:
        frames, largest = 0, declared
        for unit in self._counted(obus(data)):
            frames += is_av1_frame(unit)
            largest = max(largest, av1_frame_pixels(data, unit) or 0)
        return largest * max(frames, 1)

    def _read(self, extents: Sequence[tuple[int, int]]) -> bytes:
        parts = []
        for start, length in extents:
            parts.append(self._file[start : start + length] if length else self._file[start:])
            self._bytes_left -= len(parts[-1])
            if self._bytes_left < 0:
                raise UndecodableImage("the items of the image share their data many times over")
        return b"".join(parts)

    def _counted(self, units: Iterator[T]) -> Iterator[T]:
        for unit in units:
            self._units_left -= 1
            if self._units_left < 0:
                raise UndecodableImage("the image is made of too many units")
            yield unit


@dataclass(frozen=True, slots=True)
class Obu:
    """An AV1 open bitstream unit: its type, and the offsets of its header, of its size and of its content."""

    kind: int
    start: int
    size_at: int
    begin: int
    end: int

    @property
    def has_size(self) -> bool:
        """Return whether the unit declares its size; if not, the unit extends to the end of the data."""
        return self.begin > self.size_at


def obus(data: bytes) -> Iterator[Obu]:
    """Yield the units of AV1 data; the last unit can be truncated."""
    at = 0
    while at < len(data):
        start, header = at, data[at]
        at += 2 if header & _HAS_EXTENSION else 1
        size_at, size = at, len(data) - at
        if header & _HAS_SIZE:
            size, at = _leb128(data, at)
        end = min(at + size, len(data))
        yield Obu(header >> 3 & 15, start, size_at, at, end)
        at = end


def leb128(value: int) -> bytes:
    """Encode a number as LEB128."""
    encoded = bytearray()
    while value >= 0x80:  # noqa: PLR2004
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def av1_frame_pixels(data: bytes, unit: Obu) -> int | None:
    """Return the maximum number of pixels per frame in a sequence header; None for any other unit."""
    return _largest_frame(_Bits(data[unit.begin : unit.end])) if unit.kind == _SEQUENCE_HEADER else None


def is_av1_frame(unit: Obu) -> bool:
    """Return whether a frame, shown or hidden, begins in this unit."""
    return unit.kind in {_FRAME_HEADER, _FRAME}


def hevc_pictures(data: bytes, *, length_bytes: int) -> Iterator[bool]:
    """For each NAL unit, yield whether a picture begins in this unit."""
    at = 0
    while at + length_bytes + _NAL_HEADER_BYTES < len(data):
        size = int.from_bytes(data[at : at + length_bytes])
        at += length_bytes
        kind = data[at] >> 1 & 63
        yield kind < _NAL_SLICES_END and bool(data[at + _NAL_HEADER_BYTES] & _FIRST_SLICE)
        at += size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Return the LEB128 number at an offset, and the offset after this number."""
    value = 0
    for number, byte in enumerate(data[at : at + _LEB128_BYTES_MAX]):
        value |= (byte & 0x7F) << 7 * number
        if not byte & 0x80:
            return value, at + number + 1
    return value, min(at + _LEB128_BYTES_MAX, len(data))


class _Bits:
    """A reader of single bits that returns zeros past the end of the data."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data[:512].ljust(512, b"\0"))
        self._left = 512 * 8

    def read(self, count: int) -> int:
        self._left = max(self._left - count, 0)
        return self._bits >> self._left & (1 << count) - 1

    def skip_uvlc(self) -> None:
        zeros = 0
        while zeros < 32 and not self.read(1):  # noqa: PLR2004
            zeros += 1
        self.read(zeros)


def _largest_frame(bits: _Bits) -> int:
    """Return the maximum number of pixels per frame in a sequence header (AV1 specification, 5.5.1)."""
    bits.read(4)  # profile, still picture
    if bits.read(1):  # reduced still picture header
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return (bits.read(width_bits) + 1) * (bits.read(height_bits) + 1)


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.read(1):  # timing info
        bits.read(64)
        if bits.read(1):
            bits.skip_uvlc()
        if bits.read(1):  # decoder model
            delay_bits = bits.read(5) + 1
            bits.read(42)
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) >= _TIER_LEVEL_MIN:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)
