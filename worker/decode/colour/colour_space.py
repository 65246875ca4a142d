"""Reads the definition of a file's colour space; each format has its own order of precedence.

- In a PNG, the chunk `cICP` comes first, then `iCCP`, then `sRGB`, then `gAMA` with `cHRM`.
- In a HEIF or AVIF file, an ICC profile comes before the codes in an `nclx` box.
- In a BMP, only the profile of a BITMAPV5HEADER is read.
- In all other formats, only an ICC profile is read.
"""

from PIL import Image

from common.images.formats import bmp, heif
from worker.decode import png_metadata
from worker.decode.colour.conversion import ColourSource
from worker.decode.colour.primaries_and_transfer import from_cicp, from_png


def colour_source(image: Image.Image, data: bytes, image_format: str) -> ColourSource:
    """Return the colour space definition of an opened file; `data` is the whole file."""
    profile = image.info.get("icc_profile") or None
    if image_format == "PNG":
        return _png_source(image, data)
    if image_format == "BMP":
        return ColourSource(profile=bmp.embedded_profile(data))
    if image_format in {"HEIF", "AVIF"} and profile is None:
        codes = heif.primary_picture(data).cicp
        return ColourSource(coded=None if codes is None else from_cicp(*codes))
    return ColourSource(profile=profile)


def _png_source(image: Image.Image, data: bytes) -> ColourSource:
    codes = png_metadata.colour_codes(data)
    if codes is not None:
        return ColourSource(coded=from_cicp(*codes))
    profile = png_metadata.embedded_profile(data)
    if profile is not None or "srgb" in image.info:
        return ColourSource(profile=profile)
    return ColourSource(coded=from_png(image.info.get("gamma"), image.info.get("chromaticity")))
