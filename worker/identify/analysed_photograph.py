"""Prepares a photograph for identification: levels its light, and finds its points and outlines."""

from dataclasses import dataclass

import numpy as np

from common.prints import Places, Points
from worker.identify.levelling import even_light, level_light
from worker.identify.outlines import find_outlines
from worker.identify.quadrilaterals import Quad
from worker.prints.local_points import find_points
from worker.prints.raster import Rgb, fit_within

#: The longest side of the raster in which points and outlines are found.
ANALYSED_PX = 640
PHOTOGRAPH_POINTS = 1200


@dataclass(frozen=True, slots=True, eq=False)
class AnalysedPhotograph:
    """A levelled photograph of at most `ANALYSED_PX` pixels a side, with its points and outlines.

    `scale` is the size of the upload's pixels in the analysed photograph's pixels, at least 1.
    """

    pixels: Rgb
    points: Points
    places_px: Places
    outlines: list[Quad]
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Return the width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def analyse(rgb: Rgb) -> AnalysedPhotograph:
    """Return the photograph prepared for identification; `rgb` is the upright upload, of any size."""
    reduced = fit_within(rgb, side_px=ANALYSED_PX)
    small = level_light(reduced)
    points = find_points(even_light(reduced), most=PHOTOGRAPH_POINTS)
    extent = np.array([small.shape[1], small.shape[0]], dtype=np.float32)
    return AnalysedPhotograph(
        pixels=small,
        points=points,
        places_px=points.places * extent,
        outlines=find_outlines(small),
        scale=max(rgb.shape[:2]) / max(small.shape[:2]),
    )
