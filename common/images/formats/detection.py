"""The accepted formats, told from a file's content; its name and its declared type do not count."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from common.errors import UnsupportedImage
from common.images.formats import bmp, heif, jpeg, tiff, unsupported

#: As clients are told.
ACCEPTED = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC/HEIF or AVIF"

#: How each accepted format begins; HEIF and AVIF are told apart by their boxes.
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)
#: For each format that has kinds which are refused: a function that says why a file is, or None.
_REFUSALS: Mapping[str, Callable[[bytes], str | None]] = MappingProxyType(
    {"JPEG": jpeg.refusal, "TIFF": tiff.refusal, "BMP": bmp.refusal}
)


def format_of(data: bytes) -> str:
    """Return Pillow's name of the format of a file.

    Raises:
        UnsupportedImage: it is none of the accepted formats, or a kind of one that is not read; it says
            what the file is and what to do.
        UndecodableImage: the header is broken.
    """
    name = _begins_like(data)
    if name is None:
        raise UnsupportedImage(unsupported.refusal(data, accepted=ACCEPTED))
    refusal = _REFUSALS[name](data) if name in _REFUSALS else None
    if refusal is not None:
        raise UnsupportedImage(refusal)
    return name


def _begins_like(data: bytes) -> str | None:
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return None if unsupported.is_lookalike(data) else name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return heif.image_format(data)
