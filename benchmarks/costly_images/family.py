"""A family of files: one way to make an image file slow to decode."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True, slots=True)
class Family:
    """Files of one format whose decoding cost grows with the number passed to `make`."""

    name: str
    format: str
    make: Callable[[int], bytes]
    #: A number for which `make` returns a refused file, or the largest number that `make` supports.
    beyond: int
    #: Whether `make(beyond)` is fast; in other families the call takes seconds.
    is_light: bool = True


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Encode the picture in this format, and return the file's bytes."""
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def noise(width: int, height: int, *, grain_px: int, mode: str = "RGB") -> Image.Image:
    """Return a picture that repeats a tile of random colours in smooth patches of `grain_px` pixels."""
    tile_px = 512
    draw = np.random.default_rng(7)
    few = Image.fromarray(
        draw.integers(0, 256, (tile_px // grain_px, tile_px // grain_px, 3), dtype=np.uint8)
    )
    tile = few.resize((tile_px, tile_px), Image.Resampling.BICUBIC).convert(mode)
    image = Image.new(mode, (width, height))
    for left in range(0, width, tile_px):
        for top in range(0, height, tile_px):
            image.paste(tile, (left, top))
    return image


def bits(pattern: str, count: int) -> bytes:
    """Return `count` bits that repeat the pattern, padded with ones to a whole byte."""
    repeated = (pattern * (-(-count // len(pattern))))[:count]
    repeated += "1" * (-len(repeated) % 8)
    return int(repeated, 2).to_bytes(len(repeated) // 8)
