"""The names of colours: a dozen colours, black, grey and white, by which covers are counted."""

from functools import cache

import numpy as np
import numpy.typing as npt

from common.colours.oklab import DISTANCE_SCALE, Floats, oklab, rgb_from_hex
from common.colours.palette import Palette

#: Shades of each named colour; a colour has the name of the nearest shade. The first shade represents the
#: name.
SHADES: dict[str, tuple[str, ...]] = {
    "red": ("#d7262d", "#8f1219", "#5a0c12", "#e5605a"),
    "orange": ("#f2811d", "#c96010", "#f7ab66"),
    "brown": ("#7a4a28", "#472b18", "#9c7350"),
    "beige": ("#dcc7a0", "#efe2c6", "#b8a27e"),
    "yellow": ("#f7d32e", "#c9a514", "#f8eb9f"),
    "lime": ("#a5d02f", "#6f8f1e", "#d0e890"),
    "green": ("#2a9d47", "#14491f", "#7fc487", "#bfe0b8"),
    "teal": ("#119c9c", "#0a494c", "#74cdc8", "#b9e4df"),
    "blue": ("#2a5fd8", "#111f63", "#0d7fc4", "#7fb2ea", "#b3d2f5"),
    "purple": ("#7d3cc4", "#371153", "#a682d8", "#d3bdec"),
    "magenta": ("#d130b4", "#7c1468", "#e08bd0"),
    "pink": ("#f0629e", "#f49bb9", "#fac8d8", "#b02a62"),
    "black": ("#101012", "#232323"),
    "grey": ("#8c8d8f", "#414246", "#63656a", "#bdbdbb"),
    "white": ("#faf9f5", "#eeeeea"),
}


def main_colour(palette: Palette) -> str | None:
    """Return the name with the largest share of a palette, or None if the palette is empty."""
    if not palette.colours:
        return None
    shares = dict.fromkeys(SHADES, 0)
    for name, share in zip(names_of(palette.lab), palette.shares.tolist(), strict=True):
        shares[name] += share
    # Of names with the same share, the first in the order of SHADES is returned.
    return max(shares, key=lambda name: shares[name])


def names_of(lab: npt.NDArray[np.float64]) -> list[str]:
    """Return the name of each OKLab colour, shape (colours, 3)."""
    names, shades = _shades()
    distances = (((lab[:, None] * DISTANCE_SCALE) - shades) ** 2).sum(axis=2)
    return [names[index] for index in distances.argmin(axis=1)]


@cache
def _shades() -> tuple[tuple[str, ...], Floats]:
    pairs = [(name, shade) for name, shades in SHADES.items() for shade in shades]
    lab = oklab(np.array([rgb_from_hex(shade) for _, shade in pairs]))
    return tuple(name for name, _ in pairs), lab * DISTANCE_SCALE
