"""Describes simulated photographs of record sleeves, and how difficult they are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Quad = npt.NDArray[np.float32]

#: The size of a photograph in pixels; half of the photographs are upright.
LONG_PX, SHORT_PX = 800, 600


@dataclass(frozen=True, slots=True)
class Difficulty:
    """The bounds of one kind of photograph."""

    name: str
    #: The share of the photograph that does not show the sleeve, within 0.04.
    background: float
    tilt_deg: float
    roll_deg: float
    #: The lowest and highest brightness, where 1 is good light.
    light: tuple[float, float]
    #: The strength of the highest glare, where 1 saturates the centre of the spot.
    glare: float
    #: The share of the sleeve that fingers or stickers cover.
    covered: float
    #: The highest blur in pixels.
    blur_px: float


CAREFUL = Difficulty("careful", 0.30, 12, 15, light=(0.8, 1.1), glare=0.1, covered=0.0, blur_px=0.8)
HURRIED = Difficulty("hurried", 0.50, 22, 30, light=(0.4, 0.7), glare=0.7, covered=0.05, blur_px=1.5)
WORST = Difficulty("worst", 0.70, 35, 45, light=(0.15, 0.35), glare=0.8, covered=0.25, blur_px=1.8)
DIFFICULTIES = (CAREFUL, HURRIED, WORST)


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """A simulated photograph, and where the cover's corners are in it.

    `quad` has the shape (4, 2): x and y of the upper left, upper right, lower right and lower left corner of
    the cover as it was drawn, in pixels from the photograph's upper left corner.
    """

    pixels: Pixels
    quad: Quad
    difficulty: Difficulty
    generator: str
    seed: int
