"""Write BMP files byte by byte from known samples."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

_PLAIN, _MASKS = 0, 3
_FILE_HEADER = 14


def bmp(
    rows: npt.NDArray[Any],
    *,
    bits: int,
    header: int = 40,
    masks: tuple[int, int, int, int] | None = None,
    compression: int | None = None,
    top_down: bool = False,
    profile: bytes = b"",
) -> bytes:
    """Return a BMP; `rows` has a pixel value of `bits` bits for each pixel, shape (height, width)."""
    height, width = rows.shape
    stored = rows if top_down else rows[::-1]
    pixels = b"".join(_row(row, bits) for row in stored)
    compression = (_PLAIN if masks is None else _MASKS) if compression is None else compression
    info = struct.pack(
        "<IiiHHIIiiII",
        header,
        width,
        -height if top_down else height,
        1,
        bits,
        compression,
        len(pixels),
        0,
        0,
        0,
        0,
    )
    if masks is not None:
        info += struct.pack("<4I", *masks)[: 16 if header > 40 else 12]
    if header > 40:
        info = info.ljust(header, b"\0")
    if profile:
        info = (
            info[:56]
            + b"DEBM"
            + info[60:112]
            + struct.pack("<II", len(info) + len(pixels), len(profile))
            + info[120:]
        )
    start = _FILE_HEADER + len(info)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + info + pixels + profile


def _row(row: npt.NDArray[Any], bits: int) -> bytes:
    octets = row.astype("<u4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    return octets + bytes(-len(octets) % 4)
