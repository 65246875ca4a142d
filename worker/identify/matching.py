"""Matches the points of a photograph with the points of a cover."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from common.prints import Codes, Places, Points
from worker.identify.quadrilaterals import Quad, is_plausible

#: A match is kept if its distance is below this share of the distance to the second nearest point.
_RATIO = 0.87
#: Distances in bits above which two points never match.
_MOST_BITS = 44
_LEAST_MATCHES = 6
_LEAST_INLIERS = 6
#: The error in pixels of the analysed photograph up to which a match agrees with a homography.
_INLIER_PX = 4.0
_UNIT_SQUARE = np.array([[[0, 0]], [[1, 0]], [[1, 1]], [[0, 1]]], dtype=np.float32)

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How a cover lies in a photograph.

    `homography` maps places in the cover, from 0 to 1, to pixels of the analysed photograph. `cover_places`
    has the shape (inliers, 2).
    """

    homography: Matrix
    quad: Quad
    cover_places: Places
    matches: int

    @property
    def inliers(self) -> int:
        """Return the number of matches that agree with the homography."""
        return len(self.cover_places)


def distances(one: Codes, other: Codes) -> npt.NDArray[np.uint8]:
    """Return the number of differing bits, of shape (len(one), len(other))."""
    ones, others = one.view(np.uint64), other.view(np.uint64)
    total: npt.NDArray[np.uint8] = np.bitwise_count(ones[:, None, 0] ^ others[None, :, 0])
    total += np.bitwise_count(ones[:, None, 1] ^ others[None, :, 1])
    return total


def match(photograph: Codes, cover: Codes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the indices of points that are each other's nearest, and nearer than the second nearest."""
    bits = distances(cover, photograph)
    nearest = bits.argmin(axis=1)
    rows = np.arange(len(cover))
    best = bits[rows, nearest]
    back = bits.argmin(axis=0)
    candidates = np.flatnonzero((best <= _MOST_BITS) & (back[nearest] == rows))
    if not len(candidates):
        return candidates, candidates
    others = bits[:, nearest[candidates]].copy()
    others[candidates, np.arange(len(candidates))] = 255
    kept = candidates[best[candidates] < _RATIO * others.min(axis=0)]
    return nearest[kept], kept


def align(photograph: Points, places_px: Places, cover: Points, *, size: tuple[int, int]) -> Alignment | None:
    """Return how the cover lies in the photograph, or None if too few points agree.

    `places_px` are the places of the photograph's points in pixels, and `size` is its width and height.
    """
    if len(photograph) < _LEAST_MATCHES or len(cover) < _LEAST_MATCHES:
        return None
    seen, drawn = match(photograph.codes, cover.codes)
    if len(seen) < _LEAST_MATCHES:
        return None
    found, mask = cv2.findHomography(
        cover.places[drawn], places_px[seen], cv2.USAC_MAGSAC, _INLIER_PX, maxIters=2000, confidence=0.999
    )
    if found is None or mask.sum() < _LEAST_INLIERS:
        return None
    homography = np.asarray(found, dtype=np.float64)
    # A corner behind the camera has a denominator of the other sign.
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], dtype=np.float64)
    if (corners @ homography[2] <= 0).any():
        return None
    quad = cv2.perspectiveTransform(_UNIT_SQUARE, homography).reshape(4, 2).astype(np.float32)
    if not is_plausible(quad, size=size):
        return None
    return Alignment(homography, quad, cover.places[drawn[mask.ravel() > 0]], len(seen))
