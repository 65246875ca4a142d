"""Detects unsupported BMP variants in the header (BITMAPINFOHEADER and its successors)."""

import struct

_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_DEPTHS = frozenset({1, 4, 8, 16, 24, 32})
_CORE_HEADER = 12
_PLAIN, _RLE8, _RLE4, _MASKS = range(4)
_COMPRESSIONS = frozenset({_PLAIN, _RLE8, _RLE4, _MASKS})
#: Maps bits per pixel to the supported bit masks of red, green, blue and alpha.
_LAYOUTS = {
    16: {(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0x8000)},
    24: {(0xFF0000, 0xFF00, 0xFF, 0)},
    32: {
        (0xFF0000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0),
        (0xFF000000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
        (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        (0xFF000000, 0xFF00, 0xFF, 0xFF0000),
        (0, 0, 0, 0),
    },
}
#: Size in bytes of the shortest header that includes an alpha mask.
_WITH_ALPHA_MASK = 56
_MASKS_AT = 54
_ADVICE = "save it as a BMP of 24 bits or as PNG"


def refusal(data: bytes) -> str | None:
    """Return why a BMP is not supported, or None if it is supported or its header is truncated."""
    header = int.from_bytes(data[14:18], "little")
    if len(data) < 14 + header or header == _CORE_HEADER:
        return None
    if header not in _HEADERS:
        return f"the file is a BMP with an unknown header of {header} bytes; {_ADVICE}"
    depth, compression = struct.unpack_from("<HI", data, 28)
    if depth not in _DEPTHS:
        return f"the file is a BMP of {depth} bits a pixel; {_ADVICE}"
    if compression not in _COMPRESSIONS:
        return f"the file is a BMP that is compressed in another way than by run lengths; {_ADVICE}"
    if compression == _MASKS and masks(data) not in _LAYOUTS.get(depth, ()):
        return f"the file is a BMP whose samples have an unusual layout; {_ADVICE}"
    return None


def masks(data: bytes) -> tuple[int, int, int, int] | None:
    """Return the bit masks of red, green, blue and alpha in a pixel, or None if the header has no masks."""
    if len(data) < _MASKS_AT + 16 or int.from_bytes(data[30:34], "little") != _MASKS:
        return None
    red, green, blue, alpha = struct.unpack_from("<4I", data, _MASKS_AT)
    has_alpha = int.from_bytes(data[14:18], "little") >= _WITH_ALPHA_MASK
    return red, green, blue, alpha if has_alpha else 0


def embedded_profile(data: bytes) -> bytes | None:
    """Return the ICC profile that a BITMAPV5HEADER refers to, or None if the file has no profile."""
    if int.from_bytes(data[14:18], "little") != 124 or data[70:74] != b"DEBM":  # noqa: PLR2004
        return None
    offset, size = struct.unpack_from("<II", data, 126)
    return data[14 + offset : 14 + offset + size] or None
