"""A file's samples as 8 bits each, turned upright, with what the format says of their meaning applied.

What comes out has one of Pillow's modes L, LA, P, RGB, RGBA, RGBa, CMYK, LAB; transparency is in its alpha
channel or, where one colour or a palette has it, in `info["transparency"]`.
"""

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile

from common.images.formats import bmp, heif, tiff
from worker.decode import truncated
from worker.decode.opening import BROKEN

#: A JPEG is decoded at no less than this multiple of the model's input size.
_DRAFT_FACTOR = 2
_TURNS = MappingProxyType(
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
#: Pixels that are looked up at a time; the indexes take 8 bytes each.
_STRIP_PIXELS = 1 << 19
_A1R5G5B5 = (0x7C00, 0x3E0, 0x1F, 0x8000)


def load_samples(image: ImageFile.ImageFile, data: bytes, image_format: str, *, size_px: int) -> Image.Image:
    """Decode an opened image; a JPEG at the smallest scale that serves a square of `size_px`."""

    def opened(file: bytes) -> ImageFile.ImageFile:
        return _scaled_down(Image.open(BytesIO(file), formats=(image_format,)), size_px)

    drawn = image.tile[0].extents if image.tile else None
    image = truncated.load(_scaled_down(image, size_px), data, image_format, again=opened)
    turn = _turn(image)
    if image_format == "GIF" and drawn is not None:
        loaded = _on_canvas(image, drawn)
    else:
        loaded = _MEANINGS.get(image_format, _as_they_are)(image, data)
    loaded = _in_eight_bits(loaded)
    return loaded if turn is None else loaded.transpose(turn)


def _scaled_down(image: ImageFile.ImageFile, size_px: int) -> ImageFile.ImageFile:
    # libjpeg scales by 1/2, 1/4 or 1/8 within the inverse DCT; other formats ignore the call
    image.draft(None, (_DRAFT_FACTOR * size_px, _DRAFT_FACTOR * size_px))
    return image


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except BROKEN:
        return None  # a picture with damaged metadata is still a picture


def _as_they_are(image: Image.Image, _data: bytes) -> Image.Image:
    return image


def _of_png(image: Image.Image, data: bytes) -> Image.Image:
    """Make the one colour transparent that a PNG of grey or RGB may name, in samples of its own depth."""
    key = image.info.get("transparency")
    if key is None or image.mode == "P":
        return image
    depth = data[_PNG_DEPTH_AT]
    if depth == 16:  # noqa: PLR2004
        return _without_colour(image, data, key)
    if isinstance(key, int):
        # samples of fewer bits have been spread over 0 to 255, and the colour has not
        most = (1 << depth) - 1
        image.info["transparency"] = (key & most) * 255 // most
    return image.convert("L") if image.mode == "1" else image


def _without_colour(image: Image.Image, data: bytes, key: Any) -> Image.Image:
    if image.mode != "RGB":
        visible = np.asarray(image) != key
        image = _scaled(image, most=_SIXTEEN_BITS, negative=False)
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
    """Return the lower halves of the samples of a PNG of 16 bits; Pillow keeps the upper ones."""
    image = Image.open(BytesIO(data), formats=("PNG",))
    # read as if it were little-endian, the byte that is kept is the other one
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
    image.load()
    return image


def _of_tiff(image: Image.Image, data: bytes) -> Image.Image:
    """Scale grey of 12 and 16 bits, and invert it where zero is white; Pillow does so up to 8 bits."""
    if image.mode.startswith("I;16"):
        meaning = tiff.samples(data)
        return _scaled(image, most=(1 << meaning.bits[0]) - 1, negative=meaning.is_negative)
    return image


def _of_bmp(image: Image.Image, data: bytes) -> Image.Image:
    """Take the highest of 16 bits for transparency where the header says so."""
    if bmp.masks(data) == _A1R5G5B5 and image.mode == "RGB":
        first, is_bottom_up = int.from_bytes(data[10:14], "little"), not data[25] & 0x80
        stride = (2 * image.width + 3) & ~3
        rows = np.frombuffer(data, dtype=np.uint8, count=stride * image.height, offset=first)
        alpha = (rows.reshape(image.height, stride)[:, 1 : 2 * image.width : 2] >> 7) * np.uint8(255)
        image.putalpha(Image.fromarray(np.ascontiguousarray(alpha[::-1] if is_bottom_up else alpha)))
    return image


def _of_avif(image: Image.Image, data: bytes) -> Image.Image:
    """Keep the part that is to be shown, before it is turned; libavif leaves that to its caller."""
    crop = heif.primary_picture(data).crop
    return image if crop is None else image.crop(crop)


_MEANINGS: Mapping[str, Callable[[Image.Image, bytes], Image.Image]] = MappingProxyType(
    {"PNG": _of_png, "TIFF": _of_tiff, "BMP": _of_bmp, "AVIF": _of_avif}
)


def _on_canvas(image: Image.Image, drawn: tuple[int, int, int, int]) -> Image.Image:
    """Leave the part of a GIF's canvas transparent that its first frame does not draw."""
    # a frame with a transparent colour has been laid on a canvas of that colour
    if drawn == (0, 0, *image.size) or "transparency" in image.info:
        return image
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.crop(drawn).convert("RGB"), drawn[:2])
    return canvas


def _in_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _scaled(image, most=_SIXTEEN_BITS, negative=False)
    if image.mode in _PLAIN:
        return image.convert(_PLAIN[image.mode])
    return image


_PLAIN = MappingProxyType({"1": "L", "La": "LA", "YCbCr": "RGB", "PA": "RGBA"})


def _scaled(image: Image.Image, *, most: int, negative: bool) -> Image.Image:
    """Return samples of 0 to `most` as 0 to 255; Pillow's own conversion clips at 255 or shifts."""
    levels = np.rint(np.clip(np.arange(_SIXTEEN_BITS + 1) / most, 0, 1) * 255).astype(np.uint8)
    levels = 255 - levels if negative else levels
    samples = np.asarray(image)
    scaled = np.empty(samples.shape, dtype=np.uint8)
    for rows in _strips(samples):
        scaled[rows] = levels[samples[rows]]
    return Image.fromarray(scaled)


def _strips(samples: npt.NDArray[Any]) -> Iterator[slice]:
    height = max(_STRIP_PIXELS // samples.shape[1], 1)
    for top in range(0, samples.shape[0], height):
        yield slice(top, top + height)
