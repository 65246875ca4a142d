"""Converts sRGB colours to OKLab, and measures how different two colours look.

OKLab is the colour space of https://bottosson.github.io/posts/oklab: L is the lightness from 0 to 1; a and b
are about -0.31 to 0.28 and are 0 for greys.
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: The factors of L, a and b in distances. Without the factor 2, a dark green and a dark teal would be as near
#: to each other as two shades of one colour.
DISTANCE_SCALE = np.array([1.0, 2.0, 2.0])

HEX_PATTERN = "^#[0-9A-Fa-f]{6}$"

_LMS_FROM_LINEAR_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB_FROM_ROOTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(rgb: npt.NDArray[Any]) -> Floats:
    """Return sRGB colours with samples from 0 to 255, shape (…, 3), in OKLab."""
    encoded = np.asarray(rgb, dtype=np.float64) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004
    lab: Floats = np.cbrt(linear @ _LMS_FROM_LINEAR_RGB.T) @ _LAB_FROM_ROOTS.T
    return lab


def linear_rgb(lab: npt.NDArray[Any]) -> Floats:
    """Return OKLab colours, shape (…, 3), as linear RGB; samples of colours outside sRGB are not in 0..1."""
    roots = np.asarray(lab, dtype=np.float64) @ np.linalg.inv(_LAB_FROM_ROOTS).T
    linear: Floats = roots**3 @ np.linalg.inv(_LMS_FROM_LINEAR_RGB).T
    return linear


def rgb_from_hex(colour: str) -> tuple[int, int, int]:
    """Return the samples of a colour in the form `#rrggbb`.

    Raises:
        ValueError: the text has another form.
    """
    if re.fullmatch(HEX_PATTERN, colour) is None:
        raise ValueError(f"not a colour in the form #rrggbb: {colour!r}")
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
