"""Computes a cover's palette from its decoded pixels.

The samples of the pixels are rounded to 32 levels, and the resulting colours are grouped in OKLab by k-means.
All numbers are integers, so that every machine computes the same palette.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from common.colours.oklab import DISTANCE_SCALE, oklab
from common.colours.palette import COLOURS_MAX, UNIT, Palette

#: The levels of a sample. The first and the last level are exactly black and white.
_LEVELS = 32
#: OKLab coordinates are stored as multiples of this unit. The multiples for a and b are doubled, because the
#: distance between colours counts a and b twice.
_STEP = 0.0001
_ITERATIONS = 8
#: Groups that are nearer to each other than this distance become one colour.
_SAME_COLOUR = 0.06
#: The minimum share of a colour, in thousandths of the cover; rarer colours are left out.
_SHARE_MIN = 10

# Sums and products of the coordinates are integers below 2**53, which float64 represents exactly. NumPy
# multiplies float64 matrices much faster than integer matrices.
_Coordinates = npt.NDArray[np.float64]


def palette_of(pixels: npt.NDArray[np.uint8]) -> Palette:
    """Return the palette of RGB pixels, shape (height, width, 3)."""
    colours, counts = _counted(pixels)
    centres = _first_centres(colours, counts)
    weights = np.zeros(len(centres))
    for _ in range(_ITERATIONS):
        before = centres
        centres, weights = _grouped(colours, counts, centres)
        if np.array_equal(centres, before):
            break
    return _as_palette(*_merged(centres, weights))


def _counted(pixels: npt.NDArray[np.uint8]) -> tuple[_Coordinates, _Coordinates]:
    """Return the distinct colours, shape (colours, 3), and how many pixels have each of them."""
    red, green, blue = _level_of_sample()[pixels.reshape(-1, 3)].T
    counts = np.bincount((red * _LEVELS + green) * _LEVELS + blue, minlength=_LEVELS**3)
    seen = np.flatnonzero(counts)
    return _colour_of_levels()[seen], counts[seen].astype(np.float64)


def _first_centres(colours: _Coordinates, counts: _Coordinates) -> _Coordinates:
    """Return the most frequent colour, and then frequent colours that are far from the chosen ones."""
    chosen = [int(np.argmax(counts))]
    distances = _squares(colours, colours[chosen]).min(axis=1)
    while len(chosen) < COLOURS_MAX and distances.any():
        chosen.append(int(np.argmax(counts * distances)))
        distances = np.minimum(distances, _squares(colours, colours[chosen[-1:]])[:, 0])
    return colours[chosen]


def _grouped(
    colours: _Coordinates, counts: _Coordinates, centres: _Coordinates
) -> tuple[_Coordinates, _Coordinates]:
    """Assign each colour to its nearest centre; return the mean and the number of pixels of each group."""
    nearest = _squares(colours, centres).argmin(axis=1)
    weights = np.bincount(nearest, counts, minlength=len(centres))
    sums = np.stack(
        [np.bincount(nearest, counts * axis, minlength=len(centres)) for axis in colours.T], axis=1
    )
    is_used = weights > 0
    means: _Coordinates = np.rint(sums[is_used] / weights[is_used, None])
    return means, weights[is_used].astype(np.float64)


def _merged(centres: _Coordinates, weights: _Coordinates) -> tuple[_Coordinates, _Coordinates]:
    """Join the two nearest groups until no two groups look like one colour."""
    while len(centres) > 1:
        squares = _squares(centres, centres)
        np.fill_diagonal(squares, np.inf)
        one, other = (int(index) for index in np.unravel_index(squares.argmin(), squares.shape))
        if squares[one, other] >= (_SAME_COLOUR / _STEP) ** 2:
            break
        pair = [one, other]
        centres[one] = np.rint(weights[pair] @ centres[pair] / weights[pair].sum())
        weights[one] += weights[other]
        centres, weights = np.delete(centres, other, axis=0), np.delete(weights, other)
    return centres, weights


def _as_palette(centres: _Coordinates, weights: _Coordinates) -> Palette:
    lab = np.rint(centres / DISTANCE_SCALE * (_STEP / UNIT)).astype(np.int64)
    shares = np.rint(weights * 1000 / weights.sum()).astype(np.int64)
    order = np.argsort(-weights, kind="stable")
    return Palette.of(
        (*lab[index].tolist(), int(shares[index])) for index in order if shares[index] >= _SHARE_MIN
    )


def _squares(some: _Coordinates, others: _Coordinates) -> _Coordinates:
    """Return the squared distance of each colour of `some` to each of `others`, shape (some, others)."""
    squares: _Coordinates = (
        (some**2).sum(axis=1)[:, None] - 2 * (some @ others.T) + (others**2).sum(axis=1)[None, :]
    )
    return squares


@cache
def _level_of_sample() -> npt.NDArray[np.int64]:
    return np.rint(np.arange(256) * (_LEVELS - 1) / 255).astype(np.int64)


@cache
def _colour_of_levels() -> _Coordinates:
    """Return the colour of each combination of levels, shape (levels**3, 3)."""
    samples = np.arange(_LEVELS) * 255 / (_LEVELS - 1)
    rgb = np.stack(np.meshgrid(samples, samples, samples, indexing="ij"), axis=-1).reshape(-1, 3)
    coordinates: _Coordinates = np.rint(oklab(rgb) * DISTANCE_SCALE / _STEP)
    return coordinates
