"""Loading a file's samples: 8 bits each, upright, with the format's scaling, transparency and crop applied.

The result has one of Pillow's modes L, LA, P, RGB, RGBA, RGBa, CMYK, LAB. Transparency is in the alpha
channel or, for a single transparent colour or a palette, in `info["transparency"]`.
"""

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile

from common.images.formats import bmp, heif, tiff
from worker.decode import truncated_files
from worker.decode.parsers import BROKEN

#: A JPEG is decoded at no less than this multiple of the model's input size.
_DRAFT_FACTOR = 2
_ROTATIONS = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
_SIXTEEN_BITS = 65535
_PNG_DEPTH_AT = 24
#: Pixels per table lookup, whose indices take 8 bytes per pixel.
_STRIP_PIXELS = 1 << 19
_A1R5G5B5 = (0x7C00, 0x3E0, 0x1F, 0x8000)


def load_samples(image: ImageFile.ImageFile, data: bytes, image_format: str, *, size_px: int) -> Image.Image:
    """Decode an opened image; a JPEG at the smallest scale that is sufficient for a square of `size_px`."""

    def opened(file: bytes) -> ImageFile.ImageFile:
        return _scaled_down(Image.open(BytesIO(file), formats=(image_format,)), size_px)

    drawn = image.tile[0].extents if image.tile else None
    image = truncated_files.load(_scaled_down(image, size_px), data, image_format, reopen=opened)
    rotation = _rotation(image)
    if image_format == "GIF" and drawn is not None:
        loaded = _with_gif_canvas(image, drawn)
    else:
        loaded = _FORMAT_STEPS.get(image_format, _unchanged)(image, data)
    loaded = _to_8_bits(loaded)
    return loaded if rotation is None else loaded.transpose(rotation)


def _scaled_down(image: ImageFile.ImageFile, size_px: int) -> ImageFile.ImageFile:
    # libjpeg can scale by 1/2, 1/4 or 1/8 in the inverse DCT; other formats ignore this call.
    image.draft(None, (_DRAFT_FACTOR * size_px, _DRAFT_FACTOR * size_px))
    return image


def _rotation(image: Image.Image) -> Image.Transpose | None:
    try:
        return _ROTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except BROKEN:
        return None  # damaged metadata is ignored


def _unchanged(image: Image.Image, _data: bytes) -> Image.Image:
    return image


def _apply_png_transparency(image: Image.Image, data: bytes) -> Image.Image:
    """Apply the transparent colour of a grey or RGB PNG, which is given in the file's own bit depth."""
    key = image.info.get("transparency")
    if key is None or image.mode == "P":
        return image
    depth = data[_PNG_DEPTH_AT]
    if depth == 16:  # noqa: PLR2004
        return _without_colour(image, data, key)
    if isinstance(key, int):
        # Pillow has scaled samples of fewer bits to 0 to 255, but not the transparent colour.
        most = (1 << depth) - 1
        image.info["transparency"] = (key & most) * 255 // most
    return image.convert("L") if image.mode == "1" else image


def _without_colour(image: Image.Image, data: bytes, key: Any) -> Image.Image:
    if image.mode != "RGB":
        visible = np.asarray(image) != key
        image = _scaled(image, maximum=_SIXTEEN_BITS, is_negative=False)
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
    """Return the lower bytes of the samples of a 16-bit PNG; Pillow keeps only the upper bytes."""
    image = Image.open(BytesIO(data), formats=("PNG",))
    # If the samples are read as little-endian, Pillow keeps the other byte.
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
    image.load()
    return image


def _scale_tiff_grey(image: Image.Image, data: bytes) -> Image.Image:
    """Scale grey of 12 and 16 bits, and invert it if zero is white; Pillow does this only up to 8 bits."""
    if image.mode.startswith("I;16"):
        samples = tiff.samples(data)
        return _scaled(image, maximum=(1 << samples.bits[0]) - 1, is_negative=samples.is_negative)
    return image


def _apply_bmp_alpha(image: Image.Image, data: bytes) -> Image.Image:
    """Use the highest bit of 16-bit pixels as alpha if the header's masks define it."""
    if bmp.masks(data) == _A1R5G5B5 and image.mode == "RGB":
        first, is_bottom_up = int.from_bytes(data[10:14], "little"), not data[25] & 0x80
        stride = (2 * image.width + 3) & ~3
        rows = np.frombuffer(data, dtype=np.uint8, count=stride * image.height, offset=first)
        alpha = (rows.reshape(image.height, stride)[:, 1 : 2 * image.width : 2] >> 7) * np.uint8(255)
        image.putalpha(Image.fromarray(np.ascontiguousarray(alpha[::-1] if is_bottom_up else alpha)))
    return image


def _apply_avif_crop(image: Image.Image, data: bytes) -> Image.Image:
    """Apply the crop, before rotation; libavif leaves this to the caller."""
    crop = heif.primary_picture(data).crop
    return image if crop is None else image.crop(crop)


_FORMAT_STEPS: Mapping[str, Callable[[Image.Image, bytes], Image.Image]] = MappingProxyType(
    {
        "PNG": _apply_png_transparency,
        "TIFF": _scale_tiff_grey,
        "BMP": _apply_bmp_alpha,
        "AVIF": _apply_avif_crop,
    }
)


def _with_gif_canvas(image: Image.Image, drawn: tuple[int, int, int, int]) -> Image.Image:
    """Make the part of a GIF's canvas transparent that the first frame does not cover."""
    # Pillow draws a frame with a transparent colour on a canvas of that colour.
    if drawn == (0, 0, *image.size) or "transparency" in image.info:
        return image
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.crop(drawn).convert("RGB"), drawn[:2])
    return canvas


def _to_8_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _scaled(image, maximum=_SIXTEEN_BITS, is_negative=False)
    if image.mode in _SIMPLE_MODES:
        return image.convert(_SIMPLE_MODES[image.mode])
    return image


_SIMPLE_MODES = MappingProxyType({"1": "L", "La": "LA", "YCbCr": "RGB", "PA": "RGBA"})


def _scaled(image: Image.Image, *, maximum: int, is_negative: bool) -> Image.Image:
    """Scale samples from 0..`maximum` to 0..255; Pillow's own conversion clips at 255 or shifts."""
    levels = np.rint(np.clip(np.arange(_SIXTEEN_BITS + 1) / maximum, 0, 1) * 255).astype(np.uint8)
    levels = 255 - levels if is_negative else levels
    samples = np.asarray(image)
    scaled = np.empty(samples.shape, dtype=np.uint8)
    for rows in _strips(samples):
        scaled[rows] = levels[samples[rows]]
    return Image.fromarray(scaled)


def _strips(samples: npt.NDArray[Any]) -> Iterator[slice]:
    height = max(_STRIP_PIXELS // samples.shape[1], 1)
    for top in range(0, samples.shape[0], height):
        yield slice(top, top + height)
