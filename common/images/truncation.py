"""Detects and pads truncated files in the formats that declare a file's length.

JPEG, PNG and GIF files do not declare their length; the decoder detects whether they are truncated.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from common.errors import UndecodableImage
from common.images.cost.bmp import declared_bmp_bytes
from common.images.cost.heif import declared_heif_bytes
from common.images.cost.tiff import declared_tiff_bytes
from common.images.cost.webp import declared_webp_bytes
from common.images.formats import avif, webp

#: The maximum missing share of an accepted file; browsers also show files that are truncated this much.
MISSING_MAX_SHARE = 0.01

#: Maps each format to a function that returns a file's declared length in bytes, or zero if none is declared.
_DECLARED: Mapping[str, Callable[[bytes], int]] = MappingProxyType(
    {
        "WEBP": declared_webp_bytes,
        "BMP": declared_bmp_bytes,
        "TIFF": declared_tiff_bytes,
        "HEIF": declared_heif_bytes,
        "AVIF": declared_heif_bytes,
    }
)
#: Maps the formats whose decoders read past the declared length to a function that appends further zeros.
_ROOMS = MappingProxyType({"AVIF": avif.with_room, "WEBP": webp.with_room})


def with_missing_end(data: bytes, image_format: str) -> bytes:
    """Return the file, padded with zeros to its declared length; AVIF and lossy WebP get further zeros.

    Raises:
        UndecodableImage: more than a hundredth of the file is missing.
    """
    declared = _DECLARED[image_format](data) if image_format in _DECLARED else 0
    missing = declared - len(data)
    if missing <= 0:
        return data
    if missing > declared * MISSING_MAX_SHARE:
        raise cut_short(image_format, f"it has {len(data)} of {declared} bytes")
    padded = data + bytes(missing)
    if image_format not in _ROOMS:
        return padded
    return _ROOMS[image_format](padded, size_bytes=len(data))


def cut_short(image_format: str, how: str) -> UndecodableImage:
    """Return the error for a file that is truncated too much."""
    return UndecodableImage(f"the {image_format} file is cut short: {how}; send it again")
