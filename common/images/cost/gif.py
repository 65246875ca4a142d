"""The outline of a GIF: its canvas, and its first frame, which is the only one that is decoded."""

from dataclasses import dataclass
from struct import Struct

from common.images.cost.outline import ALPHA_PX_S, COLOUR_PX_S, PARTS_MAX, Outline, check_parts

_SCREEN = Struct("<HHBBB")
_FRAME = Struct("<HHHHB")
_SIGNATURE_BYTES = 6
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = b"\xf9\x04"
_HAS_PALETTE, _PALETTE_BITS, _IS_TRANSPARENT = 0x80, 0x07, 0x01

#: A block of an extension, which Pillow reads in Python; a byte and a pixel of LZW.
_BLOCK_S, _CODED_BYTE_S, _CODED_PX_S = 1e-6, 40e-9, 3e-9


@dataclass(slots=True)
class _Place:
    """Where reading has come to."""

    data: bytes
    at: int

    @property
    def byte(self) -> int:
        """Return the byte here, zero past the end."""
        return self.data[self.at] if self.at < len(self.data) else 0

    def skip_palette(self, flags: int) -> None:
        if flags & _HAS_PALETTE:
            self.at += 3 << (flags & _PALETTE_BITS) + 1

    def skip_blocks(self) -> int:
        """Pass the blocks up to an empty one, or as many as are looked at; return how many."""
        blocks = 0
        while (size := self.byte) and blocks <= PARTS_MAX:
            self.at += 1 + size
            blocks += 1
        self.at += 1
        return blocks


def read_gif(data: bytes) -> Outline:
    """Return the outline of a GIF.

    Raises:
        ImageTooCostly: it has too many blocks before its first frame to look at.
    """
    if len(data) < _SIGNATURE_BYTES + _SCREEN.size:
        return Outline()
    width, height, flags, _, _ = _SCREEN.unpack_from(data, _SIGNATURE_BYTES)
    place = _Place(data, _SIGNATURE_BYTES + _SCREEN.size)
    place.skip_palette(flags)
    blocks, is_transparent = _skip_extensions(place)
    header_s = blocks * _BLOCK_S
    if place.byte != _IMAGE or place.at + 1 + _FRAME.size > len(data):
        return Outline(cost_s=header_s)
    left, top, frame_width, frame_height, flags = _FRAME.unpack_from(data, place.at + 1)
    # Pillow makes the canvas as large as its first frame needs.
    width, height = max(width, left + frame_width), max(height, top + frame_height)
    is_transparent = is_transparent or (frame_width, frame_height) != (width, height)
    canvas_s = width * height * (ALPHA_PX_S if is_transparent else COLOUR_PX_S)
    coded_bytes, is_whole = _coded_bytes(place, flags)
    coded_s = coded_bytes * _CODED_BYTE_S + frame_width * frame_height * _CODED_PX_S
    return Outline(width, height, cost_s=header_s + canvas_s + coded_s, is_whole=is_whole)


def _skip_extensions(place: _Place) -> tuple[int, bool]:
    """Go to the first frame; return how many blocks were passed, and whether it has a transparent colour."""
    blocks, is_transparent = 0, False
    while place.at < len(place.data) and place.byte not in {_IMAGE, _TRAILER}:
        kind = place.byte
        place.at += 1
        blocks += 1
        if kind == _EXTENSION:
            if place.data.startswith(_GRAPHIC_CONTROL, place.at) and place.at + 2 < len(place.data):
                is_transparent = bool(place.data[place.at + 2] & _IS_TRANSPARENT)
            place.at += 1
            blocks += place.skip_blocks()
        check_parts(blocks, "blocks before the first frame")
    return blocks, is_transparent


def _coded_bytes(place: _Place, flags: int) -> tuple[int, bool]:
    """Return how many bytes the frame's data has, and whether it is all there.

    Where its blocks are too many to look at, all bytes that follow are counted.
    """
    place.at += 1 + _FRAME.size
    place.skip_palette(flags)
    place.at += 1  # the size of the first codes
    begin, size_bytes = place.at, len(place.data)
    if place.skip_blocks() > PARTS_MAX:
        return max(size_bytes - begin, 0), True
    return max(min(place.at, size_bytes) - begin, 0), place.at <= size_bytes
