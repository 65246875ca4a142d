"""One way to make a file expensive."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True, slots=True)
class Family:
    """Files of one format whose cost grows with a number."""

    name: str
    format: str
    make: Callable[[int], bytes]
    #: A number whose file is refused, or the largest possible one.
    beyond: int
    #: Whether that file is fast to make; other families encode pictures for seconds.
    is_light: bool = True


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Return a picture as a file's bytes."""
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def noise(width: int, height: int, *, grain_px: int, mode: str = "RGB") -> Image.Image:
    """Return random colours in smooth patches of `grain_px`, repeated from one tile."""
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
    """Return a pattern of bits repeated up to a count, with ones up to the byte's end."""
    repeated = (pattern * (-(-count // len(pattern))))[:count]
    repeated += "1" * (-len(repeated) % 8)
    return int(repeated, 2).to_bytes(len(repeated) // 8)
