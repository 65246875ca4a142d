"""Finds the local points of a picture and describes each by 128 bits.

A point's descriptor is RootSIFT (Arandjelović and Zisserman, "Three things everyone should know to improve
object retrieval", 2012). A fixed rotation spreads its information over 128 numbers; the code keeps the signs.
"""

from functools import cache
from random import Random

import cv2
import numpy as np
import numpy.typing as npt

from common.prints import CODE_BYTES, MAX_POINTS, Points
from worker.prints.raster import Rgb, grey_of

_DIMENSIONS = 8 * CODE_BYTES
_ROTATION_SEED = 1967
#: OpenCV's default of 0.04 finds too few points in covers with little contrast.
_CONTRAST_THRESHOLD = 0.02


def find_points(rgb: Rgb, *, most: int = MAX_POINTS) -> Points:
    """Return at most `most` points of a picture, the strongest first."""
    height, width = rgb.shape[:2]
    detector = cv2.SIFT.create(nfeatures=most, contrastThreshold=_CONTRAST_THRESHOLD)
    found, descriptors = detector.detectAndCompute(grey_of(rgb), None)
    if not found:
        return Points(codes=np.empty((0, CODE_BYTES), np.uint8), places=np.empty((0, 2), np.float32))
    # OpenCV keeps more points than it was asked for if the last ones are equally strong. The sort is stable.
    order = np.argsort([-point.response for point in found], kind="stable")[:most]
    # OpenCV gives the centre of the first pixel the coordinate 0.
    places = np.array([found[index].pt for index in order]) + 0.5
    return Points(
        codes=codes_of(np.asarray(descriptors)[order].astype(np.float32)),
        places=(places / (width, height)).astype(np.float32),
    )


def codes_of(descriptors: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the codes, of shape (n, 16), of SIFT descriptors of shape (n, 128)."""
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    # All values are positive. Without their mean, half of the signs would be the same for all points.
    centred = root - root.mean(axis=1, keepdims=True)
    return np.packbits(centred @ rotation() > 0, axis=1)


@cache
def rotation() -> npt.NDArray[np.float32]:
    """Return the fixed rotation (128, 128): three Hadamard transforms, each after random changes of sign.

    The sums of signs are exact, so the matrix has the same bits on every machine.
    """
    rng = Random(_ROTATION_SEED)  # noqa: S311 - a pinned matrix, not a secret
    hadamard = np.ones((1, 1))
    while len(hadamard) < _DIMENSIONS:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    turned = np.eye(_DIMENSIONS)
    for _ in range(3):
        signs = np.array([rng.choice((-1.0, 1.0)) for _ in range(_DIMENSIONS)])
        turned = (turned * signs) @ hadamard
    matrix: npt.NDArray[np.float32] = (turned / np.sqrt(_DIMENSIONS) ** 3).astype(np.float32)
    return matrix
