"""Decoding within the calling process, for trusted files such as an operator's own covers."""

import numpy as np
import numpy.typing as npt

from worker.decode.image import decode_image

#: As the setting MAX_IMAGE_PIXELS has it by default.
_MAX_PIXELS = 50_000_000


def decode(data: bytes, *, size_px: int, max_pixels: int = _MAX_PIXELS) -> npt.NDArray[np.uint8]:
    """Return RGB pixels of shape (size_px, size_px, 3).

    Raises:
        ImageError: the file is none that can be taken; which kind says why.
    """
    return np.asarray(decode_image(data, size_px=size_px, max_pixels=max_pixels))
