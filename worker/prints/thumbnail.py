"""Writes and reads the small picture in a print, which a photograph of the cover is compared with."""

from io import BytesIO

import numpy as np
from PIL import Image

from common.errors import DamagedPrint
from common.prints import THUMBNAIL_MAX_BYTES, THUMBNAIL_PX
from worker.prints.raster import Rgb, scale

#: libwebp's qualities, tried in this order until the file is small enough. Drawn covers take 1 to 2 kB at the
#: first; noise takes 2.8 kB at 60.
_QUALITIES = (85, 60, 30, 0)


def shrink_to_thumbnail(rgb: Rgb) -> Rgb:
    """Return the whole picture scaled to 64 x 64 pixels, whatever its aspect ratio."""
    return scale(rgb, size=(THUMBNAIL_PX, THUMBNAIL_PX))


def encode_thumbnail(thumbnail: Rgb) -> bytes:
    """Return 64 x 64 pixels as a WebP file of at most `THUMBNAIL_MAX_BYTES`."""
    image = Image.fromarray(thumbnail)
    for quality in _QUALITIES:
        file = BytesIO()
        image.save(file, "WEBP", quality=quality, method=4)
        if file.tell() <= THUMBNAIL_MAX_BYTES:
            return file.getvalue()
    raise AssertionError(f"64 x 64 pixels take {file.tell()} bytes at the lowest quality of WebP")


def decode_thumbnail(encoded: bytes) -> Rgb:
    """Return the 64 x 64 RGB pixels of a print's thumbnail.

    Raises:
        DamagedPrint: the file does not decode to this size.
    """
    try:
        with Image.open(BytesIO(encoded), formats=("WEBP",)) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DamagedPrint("the print's thumbnail does not decode") from error
    if pixels.shape != (THUMBNAIL_PX, THUMBNAIL_PX, 3):
        raise DamagedPrint(f"the print's thumbnail has the shape {pixels.shape}")
    return pixels
