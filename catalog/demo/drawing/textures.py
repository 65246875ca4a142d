"""The backgrounds of demo covers: gradients, patterns and noise over a background colour.

A texture is an array of values in -1..1, which make the background colour lighter or darker. Textures are
computed from unit coordinates or from enlarged coarse random grids, so that a texture looks the same at any
size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from catalog.demo.drawing.palette import RGB

Field = npt.NDArray[np.float32]

#: Maps each texture to the largest change that it makes to the background colour, in 8-bit steps.
_DEPTH = {
    "plain": 3,
    "gradient": 52,
    "grainy": 44,
    "halftone": 42,
    "striped": 40,
    "checkered": 36,
    "sunburst": 38,
    "marbled": 50,
    "misty": 58,
}


def ground(rgb: RGB, *, texture: str, size_px: int, seed: int) -> Image.Image:
    """Return a cover's background as a picture."""
    rng = np.random.default_rng(seed)
    field = _FIELDS[texture](size_px, rng) * _DEPTH[texture]
    if texture not in ("plain", "grainy"):
        field = field + _grain(size_px, rng) * 4
    pixels = np.asarray(rgb, dtype=np.float32) + field[:, :, None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def vignette(image: Image.Image, *, strength: float) -> Image.Image:
    """Return the picture with darkened corners."""
    x, y = _axes(image.width)
    fall = 1 - strength * np.clip((x**2 + y**2) * 2 - 0.25, 0, 1)
    pixels = np.asarray(image, dtype=np.float32) * fall[:, :, None]
    return Image.fromarray(pixels.astype(np.uint8), "RGB")


def _axes(size_px: int) -> tuple[Field, Field]:
    """Return pixel coordinates in -0.5..0.5: x of shape (1, n), and y of shape (n, 1)."""
    line = ((np.arange(size_px, dtype=np.float32) + 0.5) / size_px - 0.5).astype(np.float32)
    return line[None, :], line[:, None]


def _noise(size_px: int, cells: int, rng: np.random.Generator) -> Field:
    """Return smooth noise in about -1..1, interpolated from a random grid of `cells` cells a side."""
    coarse = Image.fromarray((rng.random((cells + 1, cells + 1)) * 2 - 1).astype(np.float32))
    smooth = coarse.resize((size_px, size_px), Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=np.float32)


def _cloud(size_px: int, rng: np.random.Generator) -> Field:
    """Return the sum of four layers of noise, each finer and weaker than the previous layer."""
    octaves = ((3, 0.55), (7, 0.28), (15, 0.16), (40, 0.08))
    return np.asarray(sum(_noise(size_px, cells, rng) * weight for cells, weight in octaves), np.float32)


def _grain(size_px: int, rng: np.random.Generator) -> Field:
    """Return film grain in about -1..1, made at 320 px and resized, so that it looks the same at any size."""
    flecks = (rng.random((320, 320), dtype=np.float32) + rng.random((320, 320), dtype=np.float32)) - 1
    grain = Image.fromarray(flecks).resize((size_px, size_px), Image.Resampling.BILINEAR)
    return np.asarray(grain, dtype=np.float32)


def _turned(size_px: int, rng: np.random.Generator) -> Field:
    """Return every pixel's coordinate along a random direction."""
    x, y = _axes(size_px)
    turn = float(rng.random()) * 2 * np.pi
    return np.asarray(x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn)), np.float32)


def _plain(size_px: int, rng: np.random.Generator) -> Field:
    return _grain(size_px, rng)


def _gradient(size_px: int, rng: np.random.Generator) -> Field:
    return np.asarray(np.clip(_turned(size_px, rng) * 2, -1, 1), np.float32)


def _grainy(size_px: int, rng: np.random.Generator) -> Field:
    specks = _noise(size_px, 110, rng)
    return np.asarray(specks + _grain(size_px, rng) * 0.5, np.float32)


def _halftone(size_px: int, rng: np.random.Generator) -> Field:
    x, y = _axes(size_px)
    pitch = 2 * np.pi * (13 + 3 * rng.random())
    dots = np.cos((x + y) * pitch) + np.cos((x - y) * pitch)
    return np.asarray(np.clip((dots - 0.35) * 6, -1, 1), np.float32)


def _striped(size_px: int, rng: np.random.Generator) -> Field:
    waves = np.sin(_turned(size_px, rng) * np.float32(2 * np.pi * (6 + 5 * rng.random())))
    return np.asarray(np.clip(waves * 8, -1, 1), np.float32)


def _checkered(size_px: int, rng: np.random.Generator) -> Field:
    x, y = _axes(size_px)
    pitch = np.pi * rng.integers(6, 10)
    return np.asarray(np.clip(np.sin((x + 0.5) * pitch) * np.sin((y + 0.5) * pitch) * 20, -1, 1), np.float32)


def _sunburst(size_px: int, rng: np.random.Generator) -> Field:
    x, y = _axes(size_px)
    turns = np.arctan2(y - np.float32(rng.random() * 0.3 - 0.15), x) * int(rng.integers(9, 15))
    return np.asarray(np.clip(np.sin(turns) * 8, -1, 1), np.float32)


def _marbled(size_px: int, rng: np.random.Generator) -> Field:
    veins = _turned(size_px, rng) * 9 + _cloud(size_px, rng) * 3.2
    return np.asarray(1 - 2 * np.abs(np.sin(veins * np.float32(1.6))), np.float32)


def _misty(size_px: int, rng: np.random.Generator) -> Field:
    return np.asarray(np.clip(_cloud(size_px, rng) * 1.7, -1, 1), np.float32)


_FIELDS: dict[str, Callable[[int, np.random.Generator], Field]] = {
    "plain": _plain,
    "gradient": _gradient,
    "grainy": _grainy,
    "halftone": _halftone,
    "striped": _striped,
    "checkered": _checkered,
    "sunburst": _sunburst,
    "marbled": _marbled,
    "misty": _misty,
}
