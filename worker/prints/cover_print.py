"""Makes the print of a cover from its pixels."""

import cv2
import numpy as np
import numpy.typing as npt

from common.errors import UndecodableImage
from common.prints import MAX_SIDE_PX, PRINT_VERSION, Print, pack_points
from worker.prints.local_points import find_points
from worker.prints.pdq import pdq_hash
from worker.prints.raster import fit_within
from worker.prints.thumbnail import encode_thumbnail, shrink_to_thumbnail


def make_print(rgb: npt.NDArray[np.uint8]) -> Print:
    """Return the print of a cover; the same pixels always give the same print.

    `rgb` has the shape (height, width, 3). A larger picture than `MAX_SIDE_PX` is scaled down first.

    Raises:
        UndecodableImage: OpenCV cannot analyse the picture, for instance because it needs too much memory.
    """
    try:
        analysed = fit_within(rgb, side_px=MAX_SIDE_PX)
        return Print(
            version=PRINT_VERSION,
            side_px=max(analysed.shape[:2]),
            points=pack_points(find_points(analysed)),
            thumbnail=encode_thumbnail(shrink_to_thumbnail(analysed)),
            pdq=pdq_hash(analysed),
        )
    except cv2.error as error:
        raise UndecodableImage("OpenCV cannot make a print of the image") from error
