"""Colour cells: a search with the filter `color` finds the covers that have the colour's cell.

OKLab, with a and b doubled as in distances, is divided into cubes, and each cube is a cell. A cover has a
cell if at least a fifth of its palette is near the centre of the cube. The colour of a filter is replaced by
the centre of the cube that contains it, so that a search needs one look-up in an index. The SQL function
`color_cell` (catalog/schema/001_palettes.sql) returns the same cell for a colour.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from common.colours.oklab import DISTANCE_SCALE, Floats, linear_rgb, oklab, rgb_from_hex
from common.colours.palette import Palette

#: The edge of a cube. A colour is at most 0.043 from the centre of its cube.
STEP = 0.05
#: The maximum distance of colours that are near each other (docs/decisions/0030-colour-cells.md).
NEAR = 0.09
#: The minimum share of a cover that must be near a colour, in thousandths.
SHARE_MIN = 200
#: The smallest index of a cube along L, a and b, and the number of cubes along each of them.
_FIRST = np.array([0, -9, -12])
_COUNT = 21


def cell_of(colour: str) -> int:
    """Return the cell of a colour in the form `#rrggbb`.

    Raises:
        ValueError: the text has another form.
    """
    lab = oklab(np.array(rgb_from_hex(colour)))
    return int(_numbers(np.rint(lab * DISTANCE_SCALE / STEP).astype(np.int64)))


def cells_of(palette: Palette) -> list[int]:
    """Return the sorted cells of a cover with this palette."""
    if not palette.colours:
        return []
    numbers, centres = _cells()
    near = ((palette.lab[:, None] * DISTANCE_SCALE - centres) ** 2).sum(axis=2) <= NEAR**2
    return [int(number) for number in numbers[near.T @ palette.shares >= SHARE_MIN]]


def _numbers(cubes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    light, a, b = np.moveaxis(cubes - _FIRST, -1, 0)
    numbers: npt.NDArray[np.int64] = (light * _COUNT + a) * _COUNT + b
    return numbers


@cache
def _cells() -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the numbers of all cells, and the centres of their cubes, with a and b doubled.

    Cubes without colours of sRGB are left out, because no filter names their colours.
    """
    cubes = np.stack(np.meshgrid(*[np.arange(_COUNT)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) + _FIRST
    offsets = np.stack(np.meshgrid(*[(-0.5, 0.0, 0.5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    samples = linear_rgb((cubes[:, None] + offsets) * STEP / DISTANCE_SCALE)
    has_srgb = ((samples.max(axis=1) >= 0) & (samples.min(axis=1) <= 1)).all(axis=1)
    return _numbers(cubes[has_srgb]), cubes[has_srgb] * STEP
