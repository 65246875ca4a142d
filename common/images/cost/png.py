"""The size and estimated decoding cost of a PNG, read from its chunks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from common.errors import UndecodableImage
from common.images.cost.unit_costs import (
    ALPHA_PX_S,
    COLOUR_PX_S,
    GREY_16_PX_S,
    GREY_PX_S,
    ROTATION_PX_S,
    ImageSummary,
    check_parts,
    directory_s,
    inflating_s,
)

_SIGNATURE_BYTES = 8
#: The length and type of a chunk; the chunk's data and a checksum follow.
CHUNK = Struct(">I4s")
CRC_BYTES = 4
_HEADER = Struct(">IIBBBBB")
_GREY, _COLOUR, _PALETTE, _GREY_ALPHA, _COLOUR_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _COLOUR: 3, _PALETTE: 1, _GREY_ALPHA: 2, _COLOUR_ALPHA: 4}
#: The first column, the column step, the first row and the row step of each of the seven Adam7 passes.
_PASSES = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
_WHOLE = ((0, 1, 0, 1),)
_BITS_MAX = 16

#: Cost per chunk (which Pillow parses in Python), per row, per pixel of an interlaced picture, and per pixel
#: that is compared with a 16-bit transparent colour.
_CHUNK_S, _ROW_S, _INTERLACED_PX_S, _COMPARED_PX_S = 3.5e-6, 30e-9, 4e-9, 25e-9
#: Types of the chunks that Pillow decodes as pixel rows. Pillow decodes an `fdAT` chunk only if it is the
#: first chunk of pixel rows or directly follows another such chunk.
_CODED, _CODED_FRAME = frozenset({b"IDAT", b"DDAT"}), b"fdAT"
#: Maximum uncompressed size of an ICC profile in bytes; profiles of printers have up to 3 MB.
PROFILE_BYTES_MAX = 4 << 20
#: Deflate's maximum compression ratio.
_INFLATES_TO_MAX = 1032


#: A chunk's type, and the start and end offset of its data.
Chunk = tuple[bytes, int, int]


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    depth: int
    colours: int
    is_interlaced: bool

    @property
    def row_bytes(self) -> int:
        """Return the size in bytes of the uncompressed rows, including their filter bytes."""
        bits = self.depth * _SAMPLES.get(self.colours, max(_SAMPLES.values()))
        return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in self._passes())

    @property
    def rows(self) -> int:
        """Return the number of rows of all passes."""
        return sum(rows for _, rows in self._passes())

    def _passes(self) -> Iterator[tuple[int, int]]:
        """Yield the width and the height of each pass that is not empty."""
        for left, across, top, down in _PASSES if self.is_interlaced else _WHOLE:
            columns, rows = -(-(self.width - left) // across), -(-(self.height - top) // down)
            if columns > 0 and rows > 0:
                yield columns, rows

    def readings(self, *, is_transparent: bool) -> int:
        """Return how many times the rows are decompressed: 2 with a 16-bit transparent colour, else 1."""
        return 2 if is_transparent and self.depth == _BITS_MAX else 1

    def pixels_s(self, *, is_transparent: bool, may_rotate: bool) -> float:
        """Return the cost of unpacking, resizing and converting the decompressed pixels."""
        if is_transparent or self.colours in {_GREY_ALPHA, _COLOUR_ALPHA}:
            price = ALPHA_PX_S
        elif self.colours == _GREY and self.depth > 1:
            price = GREY_16_PX_S if self.depth == _BITS_MAX else GREY_PX_S
        else:
            price = COLOUR_PX_S
        if is_transparent and self.depth == _BITS_MAX:
            price += _COMPARED_PX_S
        price += (ROTATION_PX_S if may_rotate else 0.0) + (_INTERLACED_PX_S if self.is_interlaced else 0.0)
        return self.width * self.height * price


def read_png(data: bytes) -> ImageSummary:
    """Return the size and estimated decoding cost of a PNG.

    Raises:
        ImageTooCostly: the PNG has too many chunks.
        UndecodableImage: the PNG has two headers, and not all programs use the same one.
    """
    chunks = list(png_chunks(data))
    chunks_s = sum(_CHUNK_S + _unpacking_s(kind, end - begin) for kind, begin, end in chunks)
    header = _read_header(data, chunks)
    if header is None:
        return ImageSummary(cost_s=chunks_s)
    kinds = {kind for kind, _, _ in chunks}
    is_transparent, may_rotate = b"tRNS" in kinds, b"eXIf" in kinds
    rows_s = inflating_s(_coded_bytes(chunks), header.row_bytes) + header.rows * _ROW_S
    return ImageSummary(
        width=header.width,
        height=header.height,
        cost_s=chunks_s
        + header.pixels_s(is_transparent=is_transparent, may_rotate=may_rotate)
        + header.readings(is_transparent=is_transparent) * rows_s,
        is_whole=chunks[-1][0] == b"IEND",
    )


def _read_header(data: bytes, chunks: Sequence[Chunk]) -> _Header | None:
    headers = [(begin, end) for kind, begin, end in chunks if kind == b"IHDR"]
    if len(headers) > 1:
        raise UndecodableImage("the PNG file has two headers")
    if not headers or headers[0][1] - headers[0][0] < _HEADER.size:
        return None
    width, height, depth, colours, _, _, interlace = _HEADER.unpack_from(data, headers[0][0])
    return _Header(width, height, depth, colours, bool(interlace))


def _coded_bytes(chunks: Sequence[Chunk]) -> int:
    """Return the total size in bytes of the chunks that Pillow decodes as pixel rows of the first picture."""
    coded_bytes, is_coded = 0, False
    for kind, begin, end in chunks:
        is_coded = kind in _CODED or (kind == _CODED_FRAME and (is_coded or not coded_bytes))
        coded_bytes += end - begin if is_coded else 0
    return coded_bytes


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the type and the data offsets of each chunk; the last chunk can be truncated.

    Raises:
        ImageTooCostly: there are too many chunks.
    """
    offset, parts = _SIGNATURE_BYTES, 0
    while offset + CHUNK.size <= len(data):
        parts += 1
        check_parts(parts, "chunks")
        length, kind = CHUNK.unpack_from(data, offset)
        begin = offset + CHUNK.size
        yield kind, begin, min(begin + length, len(data))
        if kind == b"IEND":
            return
        offset = begin + length + CRC_BYTES


def _unpacking_s(kind: bytes, length: int) -> float:
    if kind == b"eXIf":
        return directory_s(length)
    if kind == b"iCCP":
        return inflating_s(length, min(_INFLATES_TO_MAX * length, PROFILE_BYTES_MAX))
    return 0.0
