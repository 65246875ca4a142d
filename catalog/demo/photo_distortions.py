"""Simulates photographs of covers: rotation, perspective, crop, light, glare, blur and JPEG noise."""

from __future__ import annotations

import io
from collections.abc import Callable
from math import cos, radians, sin
from random import Random

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

_MOST_ROTATION_DEG = 10.0
_MOST_PERSPECTIVE = 0.06
_MOST_CROP = 0.08
_MOST_GLARE = 0.5
_MOST_BLUR = 0.006
_JPEG_QUALITY = (30, 75)
_TABLES = ((40, 36, 34), (128, 118, 108), (222, 218, 212))

Corners = list[tuple[float, float]]
_SQUARE: Corners = [(0, 0), (1, 0), (1, 1), (0, 1)]


def rephotograph(image: Image.Image, *, seed: int) -> Image.Image:
    """Return a simulated photograph of a cover, with all distortions and the same size."""
    rng = Random(f"photo {seed}")
    photo = _seen_through(
        image.convert("RGB"),
        turn_deg=rng.uniform(-_MOST_ROTATION_DEG, _MOST_ROTATION_DEG),
        keep=1 - rng.uniform(-0.02, _MOST_CROP),
        skew=_MOST_PERSPECTIVE,
        rng=rng,
    )
    for change in (_lit, _glared, _blurred, _compressed):
        photo = change(photo, rng)
    return photo


def distort(image: Image.Image, *, kind: str, seed: int) -> Image.Image:
    """Return the cover with the distortion `kind`, whose strength depends on the seed."""
    return DISTORTIONS[kind](image.convert("RGB"), Random(f"{kind} {seed}"))


def _seen_through(
    image: Image.Image, *, turn_deg: float, keep: float, skew: float, rng: Random
) -> Image.Image:
    """Return the picture rotated, skewed and cropped, on a background with the colour of a table."""
    turn = radians(turn_deg)
    window: Corners = []
    for corner_x, corner_y in _SQUARE:
        x = corner_x - 0.5 + rng.uniform(-skew, skew)
        y = corner_y - 0.5 + rng.uniform(-skew, skew)
        seen_x, seen_y = x * cos(turn) - y * sin(turn), x * sin(turn) + y * cos(turn)
        window.append((0.5 + keep * seen_x, 0.5 + keep * seen_y))
    return image.transform(
        image.size,
        Image.Transform.PERSPECTIVE,
        _coefficients(window, size=image.size),
        Image.Resampling.BICUBIC,
        fillcolor=rng.choice(_TABLES),
    )


def _coefficients(window: Corners, *, size: tuple[int, int]) -> list[float]:
    """Return Pillow's eight coefficients of the perspective that maps the picture's corners to `window`."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(_SQUARE, window, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    wanted = [axis for corner in window for axis in corner]
    a, b, c, d, e, f, g, h = np.linalg.solve(np.array(rows), np.array(wanted)).tolist()
    wide, high = size
    return [a, b * wide / high, c * wide, d * high / wide, e, f * high, g / wide, h / high]


def _rotated(image: Image.Image, rng: Random) -> Image.Image:
    turn = rng.uniform(-_MOST_ROTATION_DEG, _MOST_ROTATION_DEG)
    return _seen_through(image, turn_deg=turn, keep=1, skew=0, rng=rng)


def _skewed(image: Image.Image, rng: Random) -> Image.Image:
    return _seen_through(image, turn_deg=0, keep=1, skew=_MOST_PERSPECTIVE, rng=rng)


def _cropped(image: Image.Image, rng: Random) -> Image.Image:
    return _seen_through(image, turn_deg=0, keep=1 - rng.uniform(0, _MOST_CROP), skew=0, rng=rng)


def _lit(image: Image.Image, rng: Random) -> Image.Image:
    """Return the picture with another brightness, contrast and colour cast, as under another light."""
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.15))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.82, 1.1))
    casts = [rng.uniform(0.94, 1.06) for _ in range(3)]
    tables = [min(255, round(value * cast)) for cast in casts for value in range(256)]
    return image.point(tables)


def _glared(image: Image.Image, rng: Random) -> Image.Image:
    """Return the picture with a soft white spot, as from a lamp."""
    radius = round(image.width * rng.uniform(0.25, 0.6))
    spot = Image.radial_gradient("L").resize((2 * radius, 2 * radius))
    strength = rng.uniform(0.0, _MOST_GLARE)
    light = Image.new("L", image.size, 0)
    at = (rng.randint(0, image.width) - radius, rng.randint(0, image.height) - radius)
    light.paste(spot.point([round(max(0, 180 - value) / 180 * 255 * strength) for value in range(256)]), at)
    return Image.composite(Image.new("RGB", image.size, (255, 255, 255)), image, light)


def _blurred(image: Image.Image, rng: Random) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.0, _MOST_BLUR) * image.width))


def _compressed(image: Image.Image, rng: Random) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=rng.randint(*_JPEG_QUALITY))
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


#: Maps names to distortions; evaluations measure how much each distortion alone lowers a model's recall.
DISTORTIONS: dict[str, Callable[[Image.Image, Random], Image.Image]] = {
    "rotation": _rotated,
    "perspective": _skewed,
    "crop": _cropped,
    "light": _lit,
    "glare": _glared,
    "blur": _blurred,
    "jpeg": _compressed,
}
