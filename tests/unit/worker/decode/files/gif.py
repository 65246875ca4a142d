"""Write GIF files byte by byte, with one frame that may cover only a part of the canvas."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

_CLEAR, _END = 256, 257
#: The number of codes after which the code table is cleared, so that codes keep a length of 9 bits.
_CODES_BETWEEN_CLEARS = 200


def gif(
    indexes: npt.NDArray[Any],
    colours: npt.NDArray[Any],
    *,
    canvas: tuple[int, int] | None = None,
    at: tuple[int, int] = (0, 0),
    transparent: int | None = None,
    own_palette: bool = False,
) -> bytes:
    """Return a GIF from palette indexes, shape (height, width), and 256 colours."""
    height, width = indexes.shape
    table = colours.astype(np.uint8).tobytes()
    screen = struct.pack("<HHBBB", *(canvas or (width, height)), 0x70 if own_palette else 0xF7, 0, 0)
    control = b"" if transparent is None else b"!\xf9\4" + struct.pack("<BHB", 1, 0, transparent) + b"\0"
    frame = b"," + struct.pack("<HHHHB", *at, width, height, 0x87 if own_palette else 0)
    pixels = _blocks(_coded(indexes.ravel()))
    shared, own = (b"", table) if own_palette else (table, b"")
    return b"GIF89a" + screen + shared + control + frame + own + b"\x08" + pixels + b";"


def _coded(indexes: npt.NDArray[Any]) -> bytes:
    codes: list[int] = []
    for number, index in enumerate(indexes):
        if number % _CODES_BETWEEN_CLEARS == 0:
            codes.append(_CLEAR)
        codes.append(int(index))
    codes.append(_END)
    bits = (np.array(codes)[:, None] >> np.arange(9)) & 1
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()


def _blocks(data: bytes) -> bytes:
    parts = [data[start : start + 255] for start in range(0, len(data), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
