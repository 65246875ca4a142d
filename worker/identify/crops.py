"""Cuts the squares out of a photograph that are embedded to find candidates."""

from collections.abc import Sequence

import cv2
import numpy as np

from worker.identify.quadrilaterals import Quad
from worker.prints.raster import Rgb

#: The sides of the centre crops, as shares of the photograph's shortest side.
_CENTRED = (1.0, 0.6, 0.45)


def squares_of(photograph: Rgb, outlines: Sequence[Quad], *, size_px: int) -> Rgb:
    """Return three centre crops and the insides of the outlines, of shape (n, size_px, size_px, 3)."""
    quads = [_centred(photograph, share) for share in _CENTRED] + list(outlines)
    return np.stack([_cut(photograph, quad, size_px=size_px) for quad in quads])


def _centred(photograph: Rgb, share: float) -> Quad:
    height, width = photograph.shape[:2]
    half = share * min(width, height) / 2
    centre = np.array([width / 2, height / 2], dtype=np.float32)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float32)
    return np.asarray(centre + half * corners, dtype=np.float32)


def _cut(photograph: Rgb, quad: Quad, *, size_px: int) -> Rgb:
    """Return the inside of a quadrilateral, averaged over areas where it becomes smaller."""
    seen_px = np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).mean()
    drawn_px = size_px * max(1, min(8, round(float(seen_px) / size_px)))
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32) * drawn_px - 0.5
    warp = cv2.getPerspectiveTransform(corners, quad - 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn = cv2.warpPerspective(
        photograph, warp, (drawn_px, drawn_px), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return cv2.resize(drawn, (size_px, size_px), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
