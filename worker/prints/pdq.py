"""Computes PDQ, a perceptual hash of 256 bits; copies of a picture differ in few bits.

The algorithm is Meta's (https://github.com/facebook/ThreatExchange/blob/main/hashing/hashing.pdf): luma, two
passes of a box filter in each direction, 64 x 64 samples, the 16 x 16 lowest frequencies of a cosine
transform, and one bit for each frequency above the median. All steps but the last are linear and work on
rows and columns separately, so each direction is one matrix and a hash takes two matrix products. The package
`pdqhash` has no wheels for Linux; for 40 drawn covers, its hashes and these do not differ.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from worker.prints.raster import Rgb

_SAMPLES = 64
_FREQUENCIES = 16
_PASSES = 2
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_Matrix = npt.NDArray[np.float32]


def pdq_hash(rgb: Rgb) -> bytes:
    """Return the hash in 32 bytes, the same as the hexadecimal text of the reference implementation."""
    height, width = rgb.shape[:2]
    luma = rgb.astype(np.float32) @ _LUMA
    frequencies = _transform(height) @ luma @ _transform(width).T
    # The reference takes the lower of the two middle values.
    median = np.partition(frequencies, frequencies.size // 2 - 1, axis=None)[frequencies.size // 2 - 1]
    return np.packbits((frequencies > median).ravel()[::-1]).tobytes()


@lru_cache(maxsize=8)
def _transform(length: int) -> _Matrix:
    """Return the matrix (16, length) that filters, samples and transforms one direction of a picture."""
    box = _box_filter(length)
    sampled = np.linalg.matrix_power(box, _PASSES)[_sampled_at(length)]
    return np.ascontiguousarray(_cosines() @ sampled, dtype=np.float32)


def _box_filter(length: int) -> npt.NDArray[np.float64]:
    """Return the matrix that replaces each value by the mean of its neighbours inside the picture."""
    window = (length + 2 * _SAMPLES - 1) // (2 * _SAMPLES)
    after = (window + 2) // 2
    offset = np.arange(length)[None, :] - np.arange(length)[:, None]
    near = (offset < after) & (offset >= after - window)
    means: npt.NDArray[np.float64] = near / near.sum(axis=1, keepdims=True)
    return means


def _sampled_at(length: int) -> npt.NDArray[np.intp]:
    return ((np.arange(_SAMPLES) + 0.5) * length / _SAMPLES).astype(np.intp)


def _cosines() -> npt.NDArray[np.float64]:
    frequency, sample = np.arange(1, _FREQUENCIES + 1)[:, None], np.arange(_SAMPLES)[None, :]
    waves: npt.NDArray[np.float64] = np.cos(np.pi / (2 * _SAMPLES) * frequency * (2 * sample + 1))
    scaled: npt.NDArray[np.float64] = np.sqrt(2 / _SAMPLES) * waves
    return scaled
