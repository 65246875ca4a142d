"""The size and estimated decoding cost of a HEIF or AVIF file."""

from struct import Struct
from types import MappingProxyType

from common.images.cost.unit_costs import ALPHA_PX_S, COLOUR_PX_S, PARTS_MAX, ROTATION_PX_S, ImageSummary
from common.images.formats import heif

#: The size and type of a box. If the size of a box is 1, a 64-bit size follows. If the size of a box is 0,
#: the box extends to the end of the file.
_BOX, _LARGE = Struct(">I4s"), Struct(">Q")
_KINDS = frozenset({b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"uuid"})
#: The decoding cost per pixel and per byte, first for HEVC (libde265), then for AV1 (dav1d).
_HEVC_PRICES_S, _AV1_PRICES_S = (20e-9, 90e-9), (15e-9, 60e-9)
_PRICES_S = MappingProxyType({b"av01": _AV1_PRICES_S})


def read_heif(data: bytes) -> ImageSummary:
    """Return the size and estimated decoding cost of a HEIF or AVIF file.

    Raises:
        UnsupportedImage: the file contains no still image.
        UndecodableImage: the boxes of the file are broken.
    """
    picture = heif.primary_picture(data)
    pixel_s, byte_s = _PRICES_S.get(picture.codec, _HEVC_PRICES_S)
    coded_s = (picture.coded_pixels + picture.alpha_pixels) * pixel_s + len(data) * byte_s
    shown_px_s = (ALPHA_PX_S if picture.alpha_pixels else COLOUR_PX_S) + ROTATION_PX_S
    shown_s = picture.width * picture.height * shown_px_s
    return ImageSummary(picture.width, picture.height, cost_s=coded_s + shown_s)


def declared_heif_bytes(data: bytes) -> int:
    """Return the total length in bytes of the file's boxes before the first box of an unknown type."""
    at, boxes = 0, 0
    while at + _BOX.size <= len(data) and boxes <= PARTS_MAX:
        boxes += 1
        size, kind = _BOX.unpack_from(data, at)
        if kind not in _KINDS:
            break
        if size == 1 and at + _BOX.size + _LARGE.size <= len(data):
            (size,) = _LARGE.unpack_from(data, at + _BOX.size)
        if size < _BOX.size:
            break
        at += size
    return at
