"""Scales 12-bit and 16-bit samples to 8 bits, because Pillow would clip the values or shift the bits."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from common.images.formats import tiff

#: The highest value of a 16-bit sample.
SIXTEEN_BITS = 65535
#: The number of pixels to look up in the scaling table at a time; during a lookup each pixel needs an index
#: of 8 bytes.
_STRIP_PIXELS = 1 << 19
_SIMPLE_MODES = MappingProxyType({"1": "L", "La": "LA", "YCbCr": "RGB", "PA": "RGBA"})


def to_8_bits(image: Image.Image) -> Image.Image:
    """Return the image in a mode with 8 bits per sample."""
    if image.mode.startswith("I;16"):
        return scaled(image, maximum=SIXTEEN_BITS, is_negative=False)
    if image.mode in _SIMPLE_MODES:
        return image.convert(_SIMPLE_MODES[image.mode])
    return image


def scaled(image: Image.Image, *, maximum: int, is_negative: bool) -> Image.Image:
    """Scale samples from 0..`maximum` to 0..255; Pillow would clip the values at 255 or shift the bits."""
    levels = np.rint(np.clip(np.arange(SIXTEEN_BITS + 1) / maximum, 0, 1) * 255).astype(np.uint8)
    levels = 255 - levels if is_negative else levels
    samples = np.asarray(image)
    values = np.empty(samples.shape, dtype=np.uint8)
    for rows in _strips(samples):
        values[rows] = levels[samples[rows]]
    return Image.fromarray(values)


def _strips(samples: npt.NDArray[Any]) -> Iterator[slice]:
    height = max(_STRIP_PIXELS // samples.shape[1], 1)
    for top in range(0, samples.shape[0], height):
        yield slice(top, top + height)


def scale_tiff_grey(image: Image.Image, data: bytes) -> Image.Image:
    """Scale grey samples of 12 and 16 bits, and invert them if zero is white; Pillow does so up to 8 bits."""
    if image.mode.startswith("I;16"):
        samples = tiff.samples(data)
        return scaled(image, maximum=(1 << samples.bits[0]) - 1, is_negative=samples.is_negative)
    return image
