"""Decodes truncated files, which are accepted if only the end of the picture is missing.

JPEG, PNG and GIF do not declare their length. A truncated file is decoded twice, with different data instead
of the missing bytes. Pixels that differ between the two resulting pictures were encoded in the missing bytes.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from common.images.cost.estimate import read_image_summary
from common.images.cost.jpeg import read_jpeg
from common.images.truncation import cut_short
from worker.decode.image_parsers import BROKEN

#: The formats whose files do not declare their length.
_WITHOUT_LENGTH = frozenset({"JPEG", "PNG", "GIF"})
#: The assumed maximum ratio of the numbers of pixels that two parts of a file encode, if each part has 1 % of
#: the file's bytes.
_UNEVENNESS = 1.5
#: The maximum share of pixels that may be missing: first for most pictures, then for pictures whose last rows
#: have a single colour, because there a few missing bytes can encode many pixels.
_MISSING_MAX_SHARE, _UNIFORM_MAX_SHARE = 0.01 * _UNEVENNESS, 0.1
_END_OF_IMAGE = b"\xff\xd9"
#: The length of the random data that replaces a JPEG's missing bytes: a share of the file's length, but at
#: least a minimum. The random data is longer than the missing part of any accepted file, so that it changes
#: all missing pixels.
_STAND_IN_SHARE, _STAND_IN_MIN_BYTES = 0.04, 64
_COMPARED_PIXELS = 1 << 20
_SHORT_UNIT_ROWS = 2

Open = Callable[[bytes], ImageFile.ImageFile]
#: A function that decodes a truncated file and returns the picture and the share of missing pixels.
_DecodePartial = Callable[[bytes, Open], tuple[ImageFile.ImageFile, float]]


def load(image: ImageFile.ImageFile, data: bytes, image_format: str, *, reopen: Open) -> ImageFile.ImageFile:
    """Decode an opened image; if the file is truncated, reopen it and decode the existing part.

    Raises:
        UndecodableImage: too much of the picture is missing.
    """
    try:
        image.load()
    except BROKEN:
        if image_format not in _WITHOUT_LENGTH or read_image_summary(data, image_format).is_whole:
            raise
        decode_partial = _decode_partial_jpeg if image_format == "JPEG" else _decode_partial_rows
        partial, missing_share = decode_partial(data, reopen)
        if missing_share > _MISSING_MAX_SHARE and not _has_uniform_end(
            data, reopen, decode_partial, missing_share
        ):
            raise cut_short(image_format, f"{missing_share:.0%} of the picture is missing") from None
        return partial
    return image


def _has_uniform_end(data: bytes, reopen: Open, decode_partial: _DecodePartial, missing_share: float) -> bool:
    """Return whether the number of missing pixels is similar to the number in the last 1 % of the bytes."""
    if missing_share > _UNIFORM_MAX_SHARE:
        return False
    _, share_before = decode_partial(data[: -max(len(data) // 100, 1)], reopen)
    return missing_share <= _UNEVENNESS * (share_before - missing_share)


def _decode_partial_jpeg(data: bytes, reopen: Open) -> tuple[ImageFile.ImageFile, float]:
    """Decode a truncated JPEG, whose missing blocks libjpeg fills in; return the missing share."""
    summary = read_jpeg(data)
    if not summary.has_every_scan:
        raise cut_short("JPEG", "scans are missing")
    data = data.rstrip(b"\xff")
    size = max(int(len(data) * _STAND_IN_SHARE), _STAND_IN_MIN_BYTES)
    stand_in = random.Random(0).randbytes(size).replace(b"\xff", b"\xfe")  # noqa: S311 - no secret
    partial, other = reopen(data + _END_OF_IMAGE), reopen(data + stand_in + _END_OF_IMAGE)
    partial.load()
    other.load()
    unit_rows = max(summary.unit_rows * partial.height // summary.height, 1)
    differing_share = _share_from_first_difference(partial, other, unit_rows)
    # Only the last scan is incomplete, so the share of differing pixels is multiplied by this scan's share of
    # the file.
    return partial, differing_share * summary.last_scan_bytes / len(data)


def _decode_partial_rows(data: bytes, reopen: Open) -> tuple[ImageFile.ImageFile, float]:
    """Decode the existing rows of a truncated PNG or GIF; return the share of missing pixels."""
    on_white, on_black = (_decoded_onto(reopen(data), level) for level in (255, 0))
    differing = sum(int(np.count_nonzero(rows)) for _, rows in _differences(on_white, on_black))
    has_alpha = on_black.mode in {"LA", "RGBA", "P"}
    return on_black if has_alpha else on_white, differing / (on_white.width * on_white.height)


def _decoded_onto(image: ImageFile.ImageFile, level: int) -> ImageFile.ImageFile:
    """Decode the existing rows of an image; set all samples of the missing rows to `level`."""
    image.load_prepare()
    bands = len(image.getbands())
    image.im = Image.new(image.mode, image.size, (level,) * bands if bands > 1 else level).im
    if image.palette is not None:
        image.palette.dirty = 1
    # Pillow's own `load_prepare` must not run, because it would replace the prepared image with an empty one.
    image.load_prepare = lambda: None  # type: ignore[method-assign]
    with suppress(*BROKEN):
        image.load()
    image.tile = []  # mark the image as completely decoded
    return image


def _share_from_first_difference(one: Image.Image, other: Image.Image, unit_rows: int) -> float:
    """Return the share of pixels that follow the first difference in the order of coding.

    All pixels after the first difference count as missing, although some can be equal by chance.
    """
    for top, rows in _differences(one, other):
        for begin in range(0, len(rows), unit_rows):
            unit = rows[begin : begin + unit_rows]
            # The last row of pixels of each coding unit is ignored, because chroma upsampling mixes this row
            # with the unit below.
            own = unit[:-1] if len(unit) > _SHORT_UNIT_ROWS else unit
            if own.any():
                first_column = int(np.argmax(own.any(axis=0)))
                below = max(one.height - top - begin - len(unit), 0) * one.width
                return (below + (one.width - first_column) * len(unit)) / (one.width * one.height)
    return 0.0


def _differences(one: Image.Image, other: Image.Image) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    """For each strip from top to bottom, yield its first row's number and a mask of the differing pixels."""
    # The height of a strip is a multiple of every possible height of a JPEG's coding unit.
    height = max(_COMPARED_PIXELS // one.width // 32, 1) * 32
    for top in range(0, one.height, height):
        box = (0, top, one.width, min(top + height, one.height))
        different = np.asarray(one.crop(box)) != np.asarray(other.crop(box))
        yield top, different.reshape(*different.shape[:2], -1).any(axis=-1)
