"""Owns what a telephone's camera does to a cover: tilt, perspective, crop, glare, blur and JPEG noise."""

from __future__ import annotations

import io
from math import cos, radians, sin
from random import Random

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

_MOST_ROTATION_DEG = 10.0
_MOST_PERSPECTIVE = 0.06
_MOST_CROP = 0.08

Corners = list[tuple[float, float]]


def rephotograph(image: Image.Image, *, seed: int) -> Image.Image:
    """Return the cover as a hand-held photograph of it, the same for the same seed; size is kept."""
    rng = Random(f"photo {seed}")
    photo = _tilted(image.convert("RGB"), rng=rng)
    photo = _lit(photo, rng=rng)
    photo = _glared(photo, rng=rng)
    blur = rng.uniform(0.0, 0.006) * photo.width
    photo = photo.filter(ImageFilter.GaussianBlur(blur))
    return _compressed(photo, quality=rng.randint(30, 75))


def _tilted(image: Image.Image, *, rng: Random) -> Image.Image:
    """Return the picture seen through a rotated, skewed and cropped window; gaps show a table top."""
    turn = radians(rng.uniform(-_MOST_ROTATION_DEG, _MOST_ROTATION_DEG))
    keep = 1 - rng.uniform(-0.02, _MOST_CROP)
    window: Corners = []
    for x, y in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        x += rng.uniform(-_MOST_PERSPECTIVE, _MOST_PERSPECTIVE)
        y += rng.uniform(-_MOST_PERSPECTIVE, _MOST_PERSPECTIVE)
        window.append(
            (
                0.5 + keep * (x * cos(turn) - y * sin(turn)),
                0.5 + keep * (x * sin(turn) + y * cos(turn)),
            )
        )
    table = rng.choice([(40, 36, 34), (128, 118, 108), (222, 218, 212)])
    return image.transform(
        image.size,
        Image.Transform.PERSPECTIVE,
        _coefficients(window, side=image.width),
        Image.Resampling.BICUBIC,
        fillcolor=table,
    )


def _coefficients(window: Corners, *, side: int) -> list[float]:
    """Return Pillow's eight numbers of the map from the output's corners to the window's."""
    whole: Corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(whole, window, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    wanted = [axis for corner in window for axis in corner]
    a, b, c, d, e, f, g, h = np.linalg.solve(np.array(rows), np.array(wanted)).tolist()
    return [a, b, c * side, d, e, f * side, g / side, h / side]


def _lit(image: Image.Image, *, rng: Random) -> Image.Image:
    """Return the picture under another light: brightness, contrast and colour cast."""
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.15))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.82, 1.1))
    cast = [rng.uniform(0.94, 1.06) for _ in range(3)]
    bands = (
        band.point(lambda value, by=by: min(255, round(value * by)))
        for band, by in zip(image.split(), cast, strict=True)
    )
    return Image.merge("RGB", list(bands))


def _glared(image: Image.Image, *, rng: Random) -> Image.Image:
    """Return the picture with the soft white spot of a lamp."""
    radius = round(image.width * rng.uniform(0.25, 0.6))
    spot = Image.radial_gradient("L").resize((2 * radius, 2 * radius))
    strength = rng.uniform(0.0, 0.5)
    light = Image.new("L", image.size, 0)
    at = (rng.randint(0, image.width) - radius, rng.randint(0, image.height) - radius)
    light.paste(spot.point(lambda value: round(max(0, 180 - value) / 180 * 255 * strength)), at)
    return Image.composite(Image.new("RGB", image.size, (255, 255, 255)), image, light)


def _compressed(image: Image.Image, *, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")
