"""Pictures whose file lacks its end: decoded where no more than the last of them is missing.

A JPEG, PNG or GIF does not say how long it is: it is decoded twice, with two different things in the place of
what is missing; where the two pictures differ, the file does not say what is there.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from common.images.cost.estimate import read_outline
from common.images.cost.jpeg import read_jpeg
from common.images.truncation import cut_short
from worker.decode.opening import BROKEN

#: Formats that do not say how long they are.
_WITHOUT_LENGTH = frozenset({"JPEG", "PNG", "GIF"})
#: By how much the pixels of one hundredth of the bytes may exceed those of another.
_UNEVEN = 1.5
#: Of the pixels, and of those of a picture whose end is plain, where a hundredth of the bytes has many.
_MISSING_MAX_SHARE, _PLAIN_MAX_SHARE = 0.01 * _UNEVEN, 0.1
_END_OF_IMAGE = b"\xff\xd9"
#: Bytes that stand for those of a JPEG that are missing: more than may be, so that all of it differs.
_STAND_IN_SHARE, _STAND_IN_MIN_BYTES = 0.04, 64
_COMPARED_PIXELS = 1 << 20
_SHORT_UNIT_ROWS = 2

Open = Callable[[bytes], ImageFile.ImageFile]
#: Decodes what there is of a file, and tells which share of its pixels is missing.
_ThereIs = Callable[[bytes, Open], tuple[ImageFile.ImageFile, float]]


def load(image: ImageFile.ImageFile, data: bytes, image_format: str, *, again: Open) -> ImageFile.ImageFile:
    """Decode an opened image, or one that `again` opens of the same file if that lacks its end.

    Raises:
        UndecodableImage: more than the last of the picture is missing.
    """
    try:
        image.load()
    except BROKEN:
        if image_format not in _WITHOUT_LENGTH or read_outline(data, image_format).is_whole:
            raise
        there_is = _of_jpeg if image_format == "JPEG" else _of_rows
        kept, missing_share = there_is(data, again)
        if missing_share > _MISSING_MAX_SHARE and not _is_plain(data, again, there_is, missing_share):
            raise cut_short(image_format, f"{missing_share:.0%} of the picture is missing") from None
        return kept
    return image


def _is_plain(data: bytes, again: Open, there_is: _ThereIs, missing_share: float) -> bool:
    """Tell whether the last hundredth of the bytes that are there has as many pixels as are missing."""
    if missing_share > _PLAIN_MAX_SHARE:
        return False
    _, share_before = there_is(data[: -max(len(data) // 100, 1)], again)
    return missing_share <= _UNEVEN * (share_before - missing_share)


def _of_jpeg(data: bytes, again: Open) -> tuple[ImageFile.ImageFile, float]:
    """Decode a JPEG without its end: libjpeg makes something of every block that is missing."""
    outline = read_jpeg(data)
    if not outline.has_every_scan:
        raise cut_short("JPEG", "scans are missing")
    data = data.rstrip(b"\xff")
    size = max(int(len(data) * _STAND_IN_SHARE), _STAND_IN_MIN_BYTES)
    stand_in = random.Random(0).randbytes(size).replace(b"\xff", b"\xfe")  # noqa: S311 - no secret
    kept, other = again(data + _END_OF_IMAGE), again(data + stand_in + _END_OF_IMAGE)
    kept.load()
    other.load()
    unit_rows = max(outline.unit_rows * kept.height // outline.height, 1)
    # what the last scan lacks is less of the file where it is one of many
    return kept, _share_from_first_difference(kept, other, unit_rows) * outline.last_scan_bytes / len(data)


def _of_rows(data: bytes, again: Open) -> tuple[ImageFile.ImageFile, float]:
    """Decode a file row by row for as long as there are any."""
    on_white, on_black = (_drawn_on(again(data), level) for level in (255, 0))
    differing = sum(int(np.count_nonzero(rows)) for _, rows in _differences(on_white, on_black))
    has_alpha = on_black.mode in {"LA", "RGBA", "P"}
    return on_black if has_alpha else on_white, differing / (on_white.width * on_white.height)


def _drawn_on(image: ImageFile.ImageFile, level: int) -> ImageFile.ImageFile:
    """Decode what there is of an image onto one level of all its samples."""
    image.load_prepare()
    bands = len(image.getbands())
    image.im = Image.new(image.mode, image.size, (level,) * bands if bands > 1 else level).im
    if image.palette is not None:
        image.palette.dirty = 1
    # or it would make the image anew
    image.load_prepare = lambda: None  # type: ignore[method-assign]
    with suppress(*BROKEN):
        image.load()
    image.tile = []  # there is nothing more to decode
    return image


def _share_from_first_difference(one: Image.Image, other: Image.Image, unit_rows: int) -> float:
    """Return the share of the pixels from the first difference on, which blocks are coded from left to right.

    What follows may look alike by chance: a single code can stand for the rest of a scan.
    """
    for top, rows in _differences(one, other):
        for begin in range(0, len(rows), unit_rows):
            unit = rows[begin : begin + unit_rows]
            # the colours of the block below reach into the last row
            own = unit[:-1] if len(unit) > _SHORT_UNIT_ROWS else unit
            if own.any():
                first_column = int(np.argmax(own.any(axis=0)))
                below = max(one.height - top - begin - len(unit), 0) * one.width
                return (below + (one.width - first_column) * len(unit)) / (one.width * one.height)
    return 0.0


def _differences(one: Image.Image, other: Image.Image) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    """Yield strips of both pictures from the top: which pixels differ, and in which row the strip begins."""
    # a multiple of all units of rows
    height = max(_COMPARED_PIXELS // one.width // 32, 1) * 32
    for top in range(0, one.height, height):
        box = (0, top, one.width, min(top + height, one.height))
        different = np.asarray(one.crop(box)) != np.asarray(other.crop(box))
        yield top, different.reshape(*different.shape[:2], -1).any(axis=-1)
