"""The outline of a BMP: its size, its bits, and whether its rows are run-length coded."""

from struct import Struct

from common.images.outline import ALPHA_PX_S, COLOUR_PX_S, Outline

_FILE_HEADER_BYTES = 14
_LENGTH = Struct("<I")
#: The header of OS/2, and what every later one begins with.
_SHORT_HEADER, _SHORT_BYTES = Struct("<HHHH"), 12
_HEADER = Struct("<iiHHI")
_RLE8, _RLE4 = 1, 2
_BITS_OF_ALPHA = 32

_BYTE_S = 1e-9
#: A pixel and a byte of runs, which Pillow unpacks in Python: it fills a line that ends early pixel by pixel.
_RUN_PX_S, _RUN_BYTE_S = 115e-9, 240e-9


def read_bmp(data: bytes) -> Outline:
    """Return the outline of a BMP."""
    at = _FILE_HEADER_BYTES + _LENGTH.size
    if len(data) < at + _HEADER.size:
        return Outline()
    (header_bytes,) = _LENGTH.unpack_from(data, _FILE_HEADER_BYTES)
    if header_bytes == _SHORT_BYTES:
        width, height, _, bits = _SHORT_HEADER.unpack_from(data, at)
        compression = 0
    else:
        width, height, _, bits, compression = _HEADER.unpack_from(data, at)
    # A height below zero says that the rows go down.
    width, height = abs(width), abs(height)
    price = ALPHA_PX_S if bits == _BITS_OF_ALPHA else COLOUR_PX_S
    cost_s = width * height * price + len(data) * _BYTE_S
    if compression in {_RLE8, _RLE4}:
        cost_s += width * height * _RUN_PX_S + len(data) * _RUN_BYTE_S
    return Outline(width, height, cost_s=cost_s)
