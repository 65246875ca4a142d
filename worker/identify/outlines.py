"""Finds quadrilaterals in a photograph that may be the outline of a sleeve.

Edges at three thresholds give contours; the convex hull of a large contour is simplified to four corners. An
outline scores by the share of its sides that lie on edges, and by its area.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from worker.identify.quadrilaterals import Quad, area_of, in_reading_order, is_plausible
from worker.prints.raster import Rgb, fit_within, grey_of

_SIDE_PX = 320
_THRESHOLDS = ((20, 60), (50, 120), (90, 200))
_LEAST_AREA = 0.06
_MOST_AREA = 0.98
#: Two outlines whose corners differ by less than this share of the photograph's side are the same.
_SAME = 0.06
_SAMPLES_PER_SIDE = 40
_CORNERS = 4


def find_outlines(rgb: Rgb, *, most: int = 4) -> list[Quad]:
    """Return at most `most` outlines, the likeliest first, in pixels of `rgb`."""
    small = fit_within(rgb, side_px=_SIDE_PX)
    scale = max(rgb.shape[:2]) / max(small.shape[:2])
    channels = (grey_of(small), cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[:, :, 1].astype(np.uint8))
    edges = [
        cv2.Canny(cv2.GaussianBlur(channel, (5, 5), 0), low, high).astype(np.uint8)
        for channel in channels
        for low, high in _THRESHOLDS
    ]
    near_edge = cv2.dilate(np.maximum.reduce(edges), np.ones((3, 3), np.uint8)) > 0
    size = (small.shape[1], small.shape[0])
    scored = [
        (_score(quad, near_edge), quad) for each in edges for quad in _quads(each.astype(np.uint8), size)
    ]
    kept: list[Quad] = []
    for _, quad in sorted(scored, key=lambda each: -each[0]):
        if all(np.abs(quad - other).max() > _SAME * _SIDE_PX for other in kept):
            kept.append(quad)
        if len(kept) == most:
            break
    return [np.asarray(quad * scale, dtype=np.float32) for quad in kept]


def _quads(edges: npt.NDArray[np.uint8], size: tuple[int, int]) -> Iterator[Quad]:
    """Yield the large contours of an edge map that simplify to a plausible quadrilateral."""
    closed = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    photograph = size[0] * size[1]
    for contour in contours:
        hull = cv2.convexHull(contour)
        if not _LEAST_AREA < cv2.contourArea(hull) / photograph < _MOST_AREA:
            continue
        quad = _four_corners(hull)
        if quad is not None and is_plausible(quad, size=size):
            yield quad


def _four_corners(hull: npt.NDArray[np.int32] | cv2.typing.MatLike) -> Quad | None:
    """Return a hull simplified to four corners that keep nearly all of its area, or None."""
    length = cv2.arcLength(hull, closed=True)
    for tolerance in (0.02, 0.03, 0.05, 0.08):
        corners = cv2.approxPolyDP(hull, tolerance * length, closed=True)
        if len(corners) == _CORNERS:
            quad = in_reading_order(corners.reshape(_CORNERS, 2).astype(np.float32))
            return quad if area_of(quad) > 0.85 * cv2.contourArea(hull) else None
        if len(corners) < _CORNERS:
            return None
    return None


def _score(quad: Quad, near_edge: npt.NDArray[np.bool_]) -> float:
    along = np.linspace(0, 1, _SAMPLES_PER_SIDE, dtype=np.float32)[:, None, None]
    places = (quad * (1 - along) + np.roll(quad, -1, axis=0) * along).reshape(-1, 2)
    height, width = near_edge.shape
    x = np.clip(np.rint(places[:, 0]), 0, width - 1).astype(np.intp)
    y = np.clip(np.rint(places[:, 1]), 0, height - 1).astype(np.intp)
    return float(near_edge[y, x].mean()) + 0.3 * float(np.sqrt(area_of(quad) / near_edge.size))
