"""Levels the light of a photograph, so that a dark photograph has the brightness of a cover."""

import numpy as np

from worker.prints.raster import Rgb, grey_of

#: The level to which the 99th percentile of luma is raised.
_BRIGHT = 235
#: More gain makes noise look like texture.
_MOST_GAIN = 12.0


def level_light(rgb: Rgb) -> Rgb:
    """Return the photograph multiplied by one gain for all channels; a bright photograph is not changed."""
    bright = float(np.percentile(grey_of(rgb), 99))
    if bright >= _BRIGHT:
        return rgb
    gain = min(_BRIGHT / max(bright, 1.0), _MOST_GAIN)
    table = np.clip(np.rint(np.arange(256) * gain), 0, 255).astype(np.uint8)
    return np.asarray(table[rgb], dtype=np.uint8)
