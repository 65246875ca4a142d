"""Applies the transparency of PNG, BMP and GIF files that Pillow does not apply itself."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from common.images.formats import bmp
from worker.decode.bit_depth import SIXTEEN_BITS, scaled

_PNG_DEPTH_AT = 24
_A1R5G5B5 = (0x7C00, 0x3E0, 0x1F, 0x8000)


def apply_png_transparency(image: Image.Image, data: bytes) -> Image.Image:
    """Apply the transparent colour of a grey or RGB PNG; the file stores the colour in its own bit depth."""
    key = image.info.get("transparency")
    if key is None or image.mode == "P":
        return image
    depth = data[_PNG_DEPTH_AT]
    if depth == 16:  # noqa: PLR2004
        return _without_colour(image, data, key)
    if isinstance(key, int):
        # Pillow has scaled samples of 2 and 4 bits to the range 0 to 255, but not the transparent colour.
        most = (1 << depth) - 1
        image.info["transparency"] = (key & most) * 255 // most
    return image.convert("L") if image.mode == "1" else image


def apply_bmp_alpha(image: Image.Image, data: bytes) -> Image.Image:
    """Use the highest bit of a BMP's 16-bit pixels as alpha if the bit masks in the header say so."""
    if bmp.masks(data) == _A1R5G5B5 and image.mode == "RGB":
        first, is_bottom_up = int.from_bytes(data[10:14], "little"), not data[25] & 0x80
        stride = (2 * image.width + 3) & ~3
        rows = np.frombuffer(data, dtype=np.uint8, count=stride * image.height, offset=first)
        alpha = (rows.reshape(image.height, stride)[:, 1 : 2 * image.width : 2] >> 7) * np.uint8(255)
        image.putalpha(Image.fromarray(np.ascontiguousarray(alpha[::-1] if is_bottom_up else alpha)))
    return image


def with_gif_canvas(image: Image.Image, drawn: tuple[int, int, int, int]) -> Image.Image:
    """Make a GIF's canvas transparent outside the first frame."""
    # If the frame has a transparent colour, Pillow has already filled the rest of the canvas with this
    # colour.
    if drawn == (0, 0, *image.size) or "transparency" in image.info:
        return image
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.crop(drawn).convert("RGB"), drawn[:2])
    return canvas


def _without_colour(image: Image.Image, data: bytes, key: Any) -> Image.Image:
    if image.mode != "RGB":
        visible = np.asarray(image) != key
        image = scaled(image, maximum=SIXTEEN_BITS, is_negative=False)
    else:
        high, low = np.asarray(image), np.asarray(_low_bytes(data))
        visible = np.zeros(high.shape[:2], dtype=bool)
        for channel, sample in enumerate(key):
            visible |= high[..., channel] != sample >> 8
            visible |= low[..., channel] != sample & 0xFF
    image.info.pop("transparency", None)
    image.putalpha(Image.fromarray(visible.astype(np.uint8) * 255))
    return image


def _low_bytes(data: bytes) -> Image.Image:
    """Return the lower bytes of a 16-bit PNG's samples; by default, Pillow keeps only the upper bytes."""
    image = Image.open(BytesIO(data), formats=("PNG",))
    # The samples are big-endian; if Pillow is told that they are little-endian, it keeps the lower bytes.
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
    image.load()
    return image
