"""Compares a photograph, warped onto a cover, with the cover's thumbnail, cell by cell.

Glare, fingers and stickers spoil some cells, so each agreement is the mean over the better three quarters of
the cells. `grey` does not depend on the light in a cell; `colour` does not depend on a colour cast of the
whole picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from common.prints import THUMBNAIL_PX
from worker.identify.matching import Matrix
from worker.prints.raster import Rgb, scale

_WARPED_PX = 2 * THUMBNAIL_PX
_CELL_PX = 8
_CELLS = THUMBNAIL_PX // _CELL_PX
_BETTER_SHARE = 0.75
#: The standard deviation of grey levels below which a cell shows nothing that could agree.
_LEAST_CONTRAST = 4.0
_AGREES = 0.6
_DISAGREES = 0.3
#: A cell of the photograph shows something if it has this share of the contrast in the cover.
_VISIBLE_CONTRAST = 0.35
#: A colour cast changes a channel by at most this factor in comparison to the others.
_MOST_CAST = 1.3
_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well a photograph agrees with a cover: 1 is perfect, about 0 is by chance."""

    grey: float
    colour: float
    gradient: float
    #: The share of the cells with contrast that correlate.
    share: float
    #: The share of the cells with contrast in which the photograph does not show something else. Glare and
    #: noise weaken a cell's contrast; another title does not.
    consistency: float


def warp_to_cover(photograph: Rgb, homography: Matrix) -> Rgb:
    """Return the 64 x 64 pixels of the photograph that lie where the cover was found."""
    to_cover = np.diag([1.0 / _WARPED_PX, 1.0 / _WARPED_PX, 1.0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(
        photograph,
        homography @ to_cover,
        (_WARPED_PX, _WARPED_PX),
        flags=flags,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return scale(warped.astype(np.uint8), size=(THUMBNAIL_PX, THUMBNAIL_PX))


def compare(warped: Rgb, thumbnail: Rgb) -> Agreement:
    """Return how well the warped photograph agrees with the cover's thumbnail."""
    seen, drawn = warped.astype(np.float32), thumbnail.astype(np.float32)
    seen_grey, drawn_grey = (cv2.GaussianBlur(each.mean(axis=2), (3, 3), 0) for each in (seen, drawn))
    grey, has_contrast = _correlations(_cells(np.asarray(seen_grey)), _cells(np.asarray(drawn_grey)))
    gradient, _ = _correlations(_gradients(np.asarray(seen_grey)), _gradients(np.asarray(drawn_grey)))
    textured = grey[has_contrast]
    strength = _strength(np.asarray(seen_grey), np.asarray(drawn_grey))[has_contrast]
    contradicts = (textured < _DISAGREES) & (strength > _VISIBLE_CONTRAST)
    return Agreement(
        grey=_better_mean(textured),
        colour=_better_mean(1 - _colour_differences(seen, drawn)),
        gradient=_better_mean(gradient[has_contrast]),
        share=float((textured > _AGREES).mean()) if len(textured) else 0.0,
        consistency=1 - float(contradicts.mean()) if len(textured) else 0.0,
    )


def _better_mean(values: _Floats) -> float:
    if not len(values):
        return 0.0
    count = max(1, round(_BETTER_SHARE * len(values)))
    return float(np.sort(values)[-count:].mean())


def _cells(grey: _Floats) -> _Floats:
    """Return the values of each cell, of shape (64, 64)."""
    split = grey.reshape(_CELLS, _CELL_PX, _CELLS, _CELL_PX).swapaxes(1, 2)
    return split.reshape(_CELLS * _CELLS, -1)


def _gradients(grey: _Floats) -> _Floats:
    across, down = (
        np.asarray(cv2.Sobel(grey, cv2.CV_32F, *order), dtype=np.float32) for order in ((1, 0), (0, 1))
    )
    return np.concatenate([_cells(across), _cells(down)], axis=1)


def _correlations(seen: _Floats, drawn: _Floats) -> tuple[_Floats, npt.NDArray[np.bool_]]:
    """Return each cell's correlation, and whether the cover has contrast in the cell."""
    seen, drawn = (each - each.mean(axis=1, keepdims=True) for each in (seen, drawn))
    spread_seen, spread_drawn = seen.std(axis=1), drawn.std(axis=1)
    floor = np.float32(_LEAST_CONTRAST)
    product = (seen * drawn).mean(axis=1)
    correlation = product / np.maximum(spread_seen * spread_drawn, floor * 0.5)
    return np.asarray(correlation, dtype=np.float32), spread_drawn > floor


def _strength(seen_grey: _Floats, drawn_grey: _Floats) -> _Floats:
    """Return the contrast of each cell in the photograph as a share of the contrast in the cover."""
    seen, drawn = _cells(seen_grey).std(axis=1), _cells(drawn_grey).std(axis=1)
    return np.asarray(seen / np.maximum(drawn, _LEAST_CONTRAST), dtype=np.float32)


def _colour_differences(seen: _Floats, drawn: _Floats) -> _Floats:
    """Return the difference in colour of each cell, without brightness and without a common cast."""
    cells_seen, cells_drawn = (
        each.reshape(_CELLS, _CELL_PX, _CELLS, _CELL_PX, 3).mean(axis=(1, 3)).reshape(-1, 3) + 4
        for each in (seen, drawn)
    )
    ratio = cells_drawn / cells_seen
    ratio /= ratio.mean(axis=1, keepdims=True)
    cast = np.clip(np.median(ratio, axis=0), 1 / _MOST_CAST, _MOST_CAST)
    corrected = cells_seen * cast
    chroma_seen, chroma_drawn = (each / each.sum(axis=1, keepdims=True) for each in (corrected, cells_drawn))
    # Dark cells have hardly any colour; noise decides their chroma.
    weight = np.minimum(cells_drawn.max(axis=1) / 60, 1)
    return np.asarray(np.abs(chroma_seen - chroma_drawn).sum(axis=1) * 3 * weight, dtype=np.float32)
