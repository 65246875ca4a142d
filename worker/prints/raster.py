"""Scales rasters with OpenCV, whose threads this module turns off: a process uses one core at a time."""

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.uint8]

cv2.setNumThreads(1)


def fit_within(rgb: Rgb, *, side_px: int) -> Rgb:
    """Return the picture with a longest side of at most `side_px`; a small picture is not enlarged."""
    height, width = rgb.shape[:2]
    longest = max(height, width)
    if longest <= side_px:
        return np.ascontiguousarray(rgb)
    size = (max(1, round(width * side_px / longest)), max(1, round(height * side_px / longest)))
    return scale(rgb, size=size)


def scale(rgb: Rgb, *, size: tuple[int, int]) -> Rgb:
    """Return the picture scaled to (width, height), averaged over areas where it becomes smaller."""
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def grey_of(rgb: Rgb) -> Grey:
    """Return the luma of a picture, of shape (height, width)."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
