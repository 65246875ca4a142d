"""The definitions of a file's colour space, in each format's order of precedence.

PNG          cICP, else iCCP, else sRGB, else gAMA and cHRM
HEIF, AVIF   an ICC profile, else the codes of `nclx`
BMP          the profile of a BITMAPV5HEADER
all others   an ICC profile
"""

import struct

from PIL import Image

from common.images.formats import bmp, heif
from worker.decode.coded_colour import from_cicp, from_png
from worker.decode.colour import ColourSource

_PNG_SIGNATURE_BYTES, _PNG_CHUNK = 8, struct.Struct("!I4s")
#: Maximum number of chunks that are read before a PNG's pixels.
_PNG_CHUNKS_MAX = 1000


def colour_source(image: Image.Image, data: bytes, image_format: str) -> ColourSource:
    """Return the colour space definitions of an opened file."""
    profile = image.info.get("icc_profile") or None
    if image_format == "PNG":
        return _png_source(image, data, profile)
    if image_format == "BMP":
        return ColourSource(profile=bmp.embedded_profile(data))
    if image_format in {"HEIF", "AVIF"} and profile is None:
        codes = heif.primary_picture(data).cicp
        return ColourSource(coded=None if codes is None else from_cicp(*codes))
    return ColourSource(profile=profile)


def _png_source(image: Image.Image, data: bytes, profile: bytes | None) -> ColourSource:
    codes = _png_codes(data)
    if codes is not None:
        return ColourSource(coded=from_cicp(*codes))
    if profile is not None or "srgb" in image.info:
        return ColourSource(profile=profile)
    return ColourSource(coded=from_png(image.info.get("gamma"), image.info.get("chromaticity")))


def _png_codes(data: bytes) -> tuple[int, int] | None:
    """Return the codes of primaries and transfer function in a `cICP` chunk, which Pillow does not read."""
    at = _PNG_SIGNATURE_BYTES
    for _ in range(_PNG_CHUNKS_MAX):
        length, kind = _PNG_CHUNK.unpack_from(data, at)
        at += _PNG_CHUNK.size
        if kind == b"IDAT":
            return None
        if kind == b"cICP":
            return data[at], data[at + 1]
        at += length + 4
    return None
