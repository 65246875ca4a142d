"""The outline of a BMP: its size, its bits, and whether its rows are run-length coded."""

from dataclasses import dataclass
from struct import Struct

from common.images.cost.outline import ALPHA_PX_S, COLOUR_PX_S, Outline

_FILE_HEADER_BYTES = 14
_LENGTH = Struct("<I")
#: The header of OS/2, and what every later one begins with.
_SHORT_HEADER, _SHORT_BYTES = Struct("<HHHH"), 12
_LONG_HEADER = Struct("<iiHHI")
#: Where the file says at which byte its rows begin; each row is padded to so many bits.
_START_AT, _ROW_UNIT_BITS = 10, 32
#: Run lengths of 8 and of 4 bits.
_RUNS = frozenset({1, 2})
_BITS_OF_ALPHA = 32

_BYTE_S = 1e-9
#: A pixel and a byte of runs, which Pillow unpacks in Python: it fills a line that ends early pixel by pixel.
_RUN_PX_S, _RUN_BYTE_S = 115e-9, 240e-9


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    bits: int
    compression: int


def read_bmp(data: bytes) -> Outline:
    """Return the outline of a BMP."""
    header = _read_header(data)
    if header is None:
        return Outline()
    pixels = header.width * header.height
    cost_s = pixels * (ALPHA_PX_S if header.bits == _BITS_OF_ALPHA else COLOUR_PX_S) + len(data) * _BYTE_S
    if header.compression in _RUNS:
        cost_s += pixels * _RUN_PX_S + len(data) * _RUN_BYTE_S
    return Outline(header.width, header.height, cost_s=cost_s)


def declared_bmp_bytes(data: bytes) -> int:
    """Return how many bytes the file must have for its rows, zero where run lengths do not say it."""
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
    # A height below zero says that the rows go down.
    return _Header(abs(width), abs(height), bits, compression)
