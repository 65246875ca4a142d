"""The size and estimated decoding cost of a GIF; only its first frame is decoded."""

from dataclasses import dataclass
from struct import Struct

from common.images.cost.unit_costs import ALPHA_PX_S, COLOUR_PX_S, PARTS_MAX, ImageSummary, check_parts

_SCREEN = Struct("<HHBBB")
_FRAME = Struct("<HHHHB")
_SIGNATURE_BYTES = 6
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = b"\xf9\x04"
_HAS_PALETTE, _PALETTE_BITS, _IS_TRANSPARENT = 0x80, 0x07, 0x01

#: Cost per extension block (which Pillow parses in Python), per byte of LZW data and per pixel.
_BLOCK_S, _CODED_BYTE_S, _CODED_PX_S = 1e-6, 40e-9, 3e-9


@dataclass(slots=True)
class _Cursor:
    """The bytes of a file, and the current read position."""

    data: bytes
    at: int

    @property
    def byte(self) -> int:
        """Return the byte at the read position, or zero past the end of the file."""
        return self.data[self.at] if self.at < len(self.data) else 0

    def skip_palette(self, flags: int) -> None:
        if flags & _HAS_PALETTE:
            self.at += 3 << (flags & _PALETTE_BITS) + 1

    def skip_blocks(self) -> int:
        """Skip the blocks before the next empty block, at most `PARTS_MAX` + 1; return the number skipped."""
        blocks = 0
        while (size := self.byte) and blocks <= PARTS_MAX:
            self.at += 1 + size
            blocks += 1
        self.at += 1
        return blocks


def read_gif(data: bytes) -> ImageSummary:
    """Return the size and estimated decoding cost of a GIF.

    Raises:
        ImageTooCostly: the GIF has too many blocks before its first frame.
    """
    if len(data) < _SIGNATURE_BYTES + _SCREEN.size:
        return ImageSummary()
    width, height, flags, _, _ = _SCREEN.unpack_from(data, _SIGNATURE_BYTES)
    cursor = _Cursor(data, _SIGNATURE_BYTES + _SCREEN.size)
    cursor.skip_palette(flags)
    blocks, is_transparent = _skip_extensions(cursor)
    header_s = blocks * _BLOCK_S
    if cursor.byte != _IMAGE or cursor.at + 1 + _FRAME.size > len(data):
        return ImageSummary(cost_s=header_s)
    left, top, frame_width, frame_height, flags = _FRAME.unpack_from(data, cursor.at + 1)
    # Pillow enlarges the canvas if the first frame extends past the canvas.
    width, height = max(width, left + frame_width), max(height, top + frame_height)
    is_transparent = is_transparent or (frame_width, frame_height) != (width, height)
    canvas_s = width * height * (ALPHA_PX_S if is_transparent else COLOUR_PX_S)
    coded_bytes, is_whole = _coded_bytes(cursor, flags)
    coded_s = coded_bytes * _CODED_BYTE_S + frame_width * frame_height * _CODED_PX_S
    return ImageSummary(width, height, cost_s=header_s + canvas_s + coded_s, is_whole=is_whole)


def _skip_extensions(cursor: _Cursor) -> tuple[int, bool]:
    """Skip to the first frame; return the number of skipped blocks and whether the frame is transparent."""
    blocks, is_transparent = 0, False
    while cursor.at < len(cursor.data) and cursor.byte not in {_IMAGE, _TRAILER}:
        kind = cursor.byte
        cursor.at += 1
        blocks += 1
        if kind == _EXTENSION:
            if cursor.data.startswith(_GRAPHIC_CONTROL, cursor.at) and cursor.at + 2 < len(cursor.data):
                is_transparent = bool(cursor.data[cursor.at + 2] & _IS_TRANSPARENT)
            cursor.at += 1
            blocks += cursor.skip_blocks()
        check_parts(blocks, "blocks before the first frame")
    return blocks, is_transparent


def _coded_bytes(cursor: _Cursor, flags: int) -> tuple[int, bool]:
    """Return the number of bytes of the first frame's data, and whether the data is complete.

    If the frame has more than `PARTS_MAX` blocks, all remaining bytes of the file count as its data.
    """
    cursor.at += 1 + _FRAME.size
    cursor.skip_palette(flags)
    cursor.at += 1  # the LZW minimum code size
    begin, size_bytes = cursor.at, len(cursor.data)
    if cursor.skip_blocks() > PARTS_MAX:
        return max(size_bytes - begin, 0), True
    return max(min(cursor.at, size_bytes) - begin, 0), cursor.at <= size_bytes
