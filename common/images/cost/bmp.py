"""The size and estimated decoding cost of a BMP, read from its header."""

from dataclasses import dataclass
from struct import Struct

from common.images.cost.unit_costs import ALPHA_PX_S, COLOUR_PX_S, ImageSummary

_FILE_HEADER_BYTES = 14
_LENGTH = Struct("<I")
#: The formats of the fields that follow the header's length field: in the OS/2 header, and in all later
#: headers.
_SHORT_HEADER, _SHORT_BYTES = Struct("<HHHH"), 12
_LONG_HEADER = Struct("<iiHHI")
#: Position of the field that stores where the pixel data starts; each row is padded to a multiple of this
#: number of bits.
_START_AT, _ROW_UNIT_BITS = 10, 32
#: The two compression values (RLE8 and RLE4) that mean run-length encoding.
_RUNS = frozenset({1, 2})
_BITS_OF_ALPHA = 32

_BYTE_S = 1e-9
#: For run-length encoded data, which Pillow decodes in Python: cost per pixel and cost per encoded byte.
#: Pillow fills incomplete rows pixel by pixel.
_RUN_PX_S, _RUN_BYTE_S = 115e-9, 240e-9


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    bits: int
    compression: int


def read_bmp(data: bytes) -> ImageSummary:
    """Return the size and estimated decoding cost of a BMP."""
    header = _read_header(data)
    if header is None:
        return ImageSummary()
    pixels = header.width * header.height
    cost_s = pixels * (ALPHA_PX_S if header.bits == _BITS_OF_ALPHA else COLOUR_PX_S) + len(data) * _BYTE_S
    if header.compression in _RUNS:
        cost_s += pixels * _RUN_PX_S + len(data) * _RUN_BYTE_S
    return ImageSummary(header.width, header.height, cost_s=cost_s)


def declared_bmp_bytes(data: bytes) -> int:
    """Return the file length in bytes that the header implies, or zero if rows are run-length encoded."""
    header = _read_header(data)
    if header is None or header.compression in _RUNS:
        return 0
    row_bytes = -(-header.width * header.bits // _ROW_UNIT_BITS) * _ROW_UNIT_BITS // 8
    return int(_LENGTH.unpack_from(data, _START_AT)[0]) + row_bytes * header.height


def _read_header(data: bytes) -> _Header | None:
    at = _FILE_HEADER_BYTES + _LENGTH.size
    if len(data) < at + _LONG_HEADER.size:
        return None
    if _LENGTH.unpack_from(data, _FILE_HEADER_BYTES)[0] == _SHORT_BYTES:
        width, height, _, bits = _SHORT_HEADER.unpack_from(data, at)
        return _Header(width, height, bits, compression=0)
    width, height, _, bits, compression = _LONG_HEADER.unpack_from(data, at)
    # A negative height means that the rows are stored from top to bottom.
    return _Header(abs(width), abs(height), bits, compression)
