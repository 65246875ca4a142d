"""Files that lack their end although they say how long they are: what is missing, and zeros in its place.

The other formats (JPEG, PNG, GIF) do not say it: what is missing shows when they are decoded.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from common.errors import UndecodableImage
from common.images.cost.bmp import declared_bmp_bytes
from common.images.cost.heif import declared_heif_bytes
from common.images.cost.tiff import declared_tiff_bytes
from common.images.cost.webp import declared_webp_bytes

#: Of a file. A download that broke off this late has a picture that a browser shows.
MISSING_MAX_SHARE = 0.01

#: How many bytes a file must have by its own words, zero where they say nothing.
_DECLARED: Mapping[str, Callable[[bytes], int]] = MappingProxyType(
    {
        "WEBP": declared_webp_bytes,
        "BMP": declared_bmp_bytes,
        "TIFF": declared_tiff_bytes,
        "HEIF": declared_heif_bytes,
        "AVIF": declared_heif_bytes,
    }
)


def with_missing_end(data: bytes, image_format: str) -> bytes:
    """Return a file, with zeros for what it lacks at its end.

    Raises:
        UndecodableImage: it lacks more than a hundredth.
    """
    declared = _DECLARED[image_format](data) if image_format in _DECLARED else 0
    missing = declared - len(data)
    if missing <= 0:
        return data
    if missing > declared * MISSING_MAX_SHARE:
        raise cut_short(image_format, f"it has {len(data)} of {declared} bytes")
    return data + bytes(missing)


def cut_short(image_format: str, how: str) -> UndecodableImage:
    """Return the error of a file that lacks too much of its end."""
    return UndecodableImage(f"the {image_format} file is cut short: {how}; send it again")
