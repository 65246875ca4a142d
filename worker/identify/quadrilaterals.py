"""Computes with quadrilaterals: corners in order, areas, overlap, and whether a sleeve can look like that."""

import cv2
import numpy as np
import numpy.typing as npt

#: Shape (4, 2): x and y of the upper left, upper right, lower right and lower left corner.
Quad = npt.NDArray[np.float32]

_LEAST_AREA = 0.015
#: How far a corner may lie outside the photograph, in sides of the photograph.
_MOST_OUTSIDE = 0.35
_MOST_SIDE_RATIO = 3.0
_LEAST_ANGLE_SIN = 0.4


def area_of(quad: Quad) -> float:
    """Return the signed area; it is positive if the corners are in clockwise order on the screen."""
    following = np.roll(quad, -1, axis=0)
    return float(np.sum(quad[:, 0] * following[:, 1] - following[:, 0] * quad[:, 1]) / 2)


def in_reading_order(corners: Quad) -> Quad:
    """Return four corners clockwise, starting with the corner that is nearest to the upper left."""
    clockwise = corners if area_of(corners) > 0 else corners[::-1]
    return np.ascontiguousarray(np.roll(clockwise, -int(clockwise.sum(axis=1).argmin()), axis=0))


def is_plausible(quad: Quad, *, size: tuple[int, int]) -> bool:
    """Return whether a square sleeve that is held before a camera can have these corners.

    A mirrored quadrilateral is not plausible. `size` is the photograph's width and height.
    """
    extent = np.array(size, dtype=np.float32)
    if not np.isfinite(quad).all() or area_of(quad) < _LEAST_AREA * size[0] * size[1]:
        return False
    if (quad < -_MOST_OUTSIDE * extent).any() or (quad > (1 + _MOST_OUTSIDE) * extent).any():
        return False
    sides = np.roll(quad, -1, axis=0) - quad
    lengths = np.linalg.norm(sides, axis=1)
    if lengths.max() > _MOST_SIDE_RATIO * lengths.min():
        return False
    before = np.roll(sides, 1, axis=0)
    sines = (before[:, 0] * sides[:, 1] - before[:, 1] * sides[:, 0]) / (lengths * np.roll(lengths, 1))
    return bool(sines.min() > _LEAST_ANGLE_SIN)


def overlap_of(one: Quad, other: Quad) -> float:
    """Return the intersection over the union of two convex quadrilaterals."""
    shared, _ = cv2.intersectConvexConvex(one, other)
    return float(shared / (abs(area_of(one)) + abs(area_of(other)) - shared))


def turn_deg(quad: Quad) -> float:
    """Return by how many degrees the sleeve's upper edge is turned clockwise, from -180 to 180."""
    x, y = (quad[1] - quad[0] + quad[2] - quad[3]).tolist()
    return float(np.degrees(np.arctan2(y, x)))
