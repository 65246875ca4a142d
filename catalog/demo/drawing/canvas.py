"""Draws in unit coordinates: a cover is a square of side 1, whatever its size in pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from catalog.demo.drawing.palette import RGB
from catalog.demo.drawing.shapes import Outline, outline

#: Masks are drawn this many times larger and then reduced, because Pillow does not antialias polygons.
_SUPERSAMPLING = 3


@dataclass(frozen=True, slots=True)
class Stamp:
    """One object at its position; lengths are in units of the cover's side, the angle is in degrees."""

    shape: str
    x: float
    y: float
    radius: float
    angle: float = 0.0
    flip: bool = False

    def grown(self, factor: float) -> Stamp:
        """Return a copy of the stamp whose radius is multiplied by `factor`."""
        return replace(self, radius=self.radius * factor)


class Canvas:
    """An RGB picture with sides of `size_px` pixels, painted through masks."""

    def __init__(self, ground: Image.Image) -> None:
        """Start from a square background."""
        self.image = ground
        self.size_px = ground.width

    def mask(self, stamps: Iterable[Stamp]) -> Image.Image:
        """Return the antialiased silhouette of the stamps as an image of mode L."""
        side = self.size_px * _SUPERSAMPLING
        large = Image.new("L", (side, side), 0)
        for stamp in stamps:
            _draw(large, outline(stamp.shape), stamp)
        return large.reduce(_SUPERSAMPLING)

    def polygon(self, *points: tuple[float, float]) -> Image.Image:
        """Return the antialiased silhouette of one polygon, whose corners are in unit coordinates."""
        side = self.size_px * _SUPERSAMPLING
        large = Image.new("L", (side, side), 0)
        ImageDraw.Draw(large).polygon([(x * side, y * side) for x, y in points], fill=255)
        return large.reduce(_SUPERSAMPLING)

    def paint(self, mask: Image.Image, fill: RGB | Image.Image, *, opacity: float = 1.0) -> None:
        """Paint a colour or a picture through a mask."""
        if opacity < 1:
            mask = mask.point(lambda value: round(value * opacity))
        self.image.paste(fill, (0, 0, self.size_px, self.size_px), mask)

    def shadow(self, mask: Image.Image, *, offset: float, blur: float, opacity: float) -> None:
        """Paint the shadow of a mask."""
        shift = round(offset * self.size_px)
        moved = ImageChops.offset(mask, shift, shift)
        self.paint(moved.filter(ImageFilter.GaussianBlur(blur * self.size_px)), (0, 0, 0), opacity=opacity)


def _draw(large: Image.Image, parts: Outline, stamp: Stamp) -> None:
    side = large.width
    turn = radians(stamp.angle)
    across, down = cos(turn) * stamp.radius * side, sin(turn) * stamp.radius * side
    mirror = -1 if stamp.flip else 1
    pen = ImageDraw.Draw(large)
    for piece in parts:
        points = np.asarray(piece.points)
        xs, ys = points[:, 0] * mirror, points[:, 1]
        placed = np.stack(
            [stamp.x * side + xs * across - ys * down, stamp.y * side + xs * down + ys * across],
            axis=1,
        )
        pen.polygon([(x, y) for x, y in placed.tolist()], fill=0 if piece.cut else 255)
