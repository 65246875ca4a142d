"""The resize and centre crop of `CLIPImageProcessor`, computed for the pixels that stay.

Its rounding is kept: first across, then down, 8 bits between the two. (One call of Pillow's with a
box takes whichever order is cheaper, and that is up to 15 levels off on noise.)
"""

import math
from dataclasses import dataclass

from PIL import Image

_BICUBIC = Image.Resampling.BICUBIC
#: Half the width of the bicubic filter, in output pixels where it shrinks.
_SUPPORT = 2.0


@dataclass(frozen=True, slots=True)
class _Span:
    """The part of one side of the source that the crop shows, and with `margin` the part it reads."""

    start: float
    end: float
    side: int
    margin: int

    @classmethod
    def of(cls, side: int, *, shortest: int, size_px: int) -> "_Span":
        resized = size_px * side // shortest
        step = side / resized
        start = (resized - size_px) // 2 * step
        end = min(start + size_px * step, side)
        return cls(start=start, end=end, side=side, margin=math.ceil(_SUPPORT * max(step, 1.0)) + 1)

    @property
    def first(self) -> int:
        return max(math.floor(self.start) - self.margin, 0)

    @property
    def last(self) -> int:
        return min(math.ceil(self.end) + self.margin, self.side)


def resize_and_crop(image: Image.Image, size_px: int) -> Image.Image:
    """Bring the shortest edge to `size_px` by bicubic and return the square in the middle."""
    shortest = min(image.size)
    across = _Span.of(image.width, shortest=shortest, size_px=size_px)
    down = _Span.of(image.height, shortest=shortest, size_px=size_px)
    # rows far outside of the crop would only be resampled to be thrown away
    rows = (
        image.crop((0, down.first, image.width, down.last))
        if down.last - down.first < image.height
        else image
    )
    narrow = rows.resize((size_px, rows.height), _BICUBIC, box=(across.start, 0, across.end, rows.height))
    return narrow.resize(
        (size_px, size_px), _BICUBIC, box=(0, down.start - down.first, size_px, down.end - down.first)
    )
