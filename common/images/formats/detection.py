"""Detects the accepted image formats by content, and ignores a file's name and declared type."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from common.errors import UnsupportedImage
from common.images.formats import bmp, heif, jpeg, tiff, unsupported

#: The accepted formats, for error messages.
ACCEPTED = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC/HEIF or AVIF"

#: The first bytes of each accepted format; WebP, HEIF and AVIF are detected separately.
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)
#: Maps each format that has unsupported variants to a function that returns the reason for refusing a file,
#: or None.
_REFUSALS: Mapping[str, Callable[[bytes], str | None]] = MappingProxyType(
    {"JPEG": jpeg.refusal, "TIFF": tiff.refusal, "BMP": bmp.refusal}
)


def format_of(data: bytes) -> str:
    """Return Pillow's name for a file's format.

    Raises:
        UnsupportedImage: the file has an unsupported format or variant; the message says what the file is
            and what its owner can do.
        UndecodableImage: the header is broken.
    """
    name = _format_by_signature(data)
    if name is None:
        raise UnsupportedImage(unsupported.refusal(data, accepted=ACCEPTED))
    refusal = _REFUSALS[name](data) if name in _REFUSALS else None
    if refusal is not None:
        raise UnsupportedImage(refusal)
    return name


def _format_by_signature(data: bytes) -> str | None:
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return None if unsupported.is_lookalike(data) else name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return heif.image_format(data)
