"""A cover's palette, which is stored in the catalog: up to eight colours in OKLab with their shares."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: The version of palettes and colour cells, which is increased whenever the same cover gets another palette
#: or other cells. Then `python -m catalog palettes` makes all palettes again.
PALETTE_VERSION = 1
COLOURS_MAX = 8
#: L, a, b and shares are stored as integers in this unit.
UNIT = 0.001


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a cover, the largest share first.

    Each colour is a tuple of L, a, b and the share of the cover, in thousandths.
    """

    colours: tuple[tuple[int, int, int, int], ...]
    version: int = PALETTE_VERSION

    @classmethod
    def of(cls, colours: Iterable[Sequence[int]], *, version: int = PALETTE_VERSION) -> "Palette":
        """Return the palette with the given colours, such as rows of a database or of a wire format."""
        return cls(tuple((light, a, b, share) for light, a, b, share in colours), version)

    @property
    def lab(self) -> npt.NDArray[np.float64]:
        """The colours in OKLab, shape (colours, 3)."""
        return np.array([colour[:3] for colour in self.colours], dtype=np.float64).reshape(-1, 3) * UNIT

    @property
    def shares(self) -> npt.NDArray[np.int64]:
        """The share of each colour in thousandths, shape (colours,)."""
        return np.array([colour[3] for colour in self.colours], dtype=np.int64)
