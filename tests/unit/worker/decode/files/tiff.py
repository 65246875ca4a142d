"""Write TIFF files byte by byte from known samples."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tests.unit.worker.decode.files.png import packed

Samples = npt.NDArray[Any]

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
UNSPECIFIED, PREMULTIPLIED, STRAIGHT = 0, 1, 2
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
_SHORT, _LONG, _UNDEFINED = 3, 4, 7


def tiff(
    samples: Samples,
    *,
    photometric: int,
    bits: int = 8,
    order: Literal["<", ">"] = "<",
    planes: bool = False,
    deflated: bool = False,
    extra: Sequence[int] = (),
    sample_format: int = UNSIGNED,
    reversed_bits: bool = False,
    colours: Samples | None = None,
    profile: bytes = b"",
    fields: Sequence[tuple[int, Sequence[int]]] = (),
) -> bytes:
    """Return a TIFF; samples are 0 to 2^bits - 1, shape (height, width) or (height, width, channels)."""
    height, width = samples.shape[:2]
    cube = samples.reshape(height, width, -1)
    channels = cube.shape[2]
    strips = [cube[..., index] for index in range(channels)] if planes else [cube]
    blocks = [b"".join(_row(row.ravel(), bits, order) for row in strip) for strip in strips]
    if reversed_bits:
        blocks = [_reversed(block) for block in blocks]
    if deflated:
        blocks = [zlib.compress(block) for block in blocks]
    starts = np.cumsum([8, *(len(block) for block in blocks)])
    entries: list[tuple[int, int, Sequence[int] | bytes]] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [bits] * channels),
        (259, _SHORT, [8 if deflated else 1]),
        (262, _SHORT, [photometric]),
        (266, _SHORT, [2 if reversed_bits else 1]),
        (273, _LONG, [int(start) for start in starts[:-1]]),
        (277, _SHORT, [channels]),
        (278, _LONG, [height]),
        (279, _LONG, [len(block) for block in blocks]),
        (284, _SHORT, [2 if planes else 1]),
        (320, _SHORT, [] if colours is None else [int(value) for value in colours.T.ravel()]),
        (338, _SHORT, list(extra)),
        (339, _SHORT, [sample_format] * channels),
        (34675, _UNDEFINED, profile),
        *((tag, _SHORT, values) for tag, values in fields),
    ]
    body = b"".join(blocks)
    return _header(order, 8 + len(body)) + body + _directory(sorted(entries), order, at=8 + len(body))


def _row(row: Samples, bits: int, order: str) -> bytes:
    if bits in {16, 32}:
        return row.astype(f"{order}u{bits // 8}").tobytes()
    return packed(row, bits)


def _reversed(block: bytes) -> bytes:
    return np.packbits(np.unpackbits(np.frombuffer(block, np.uint8)), bitorder="little").tobytes()


def _header(order: str, directory: int) -> bytes:
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", directory)


def _directory(entries: Sequence[tuple[int, int, Sequence[int] | bytes]], order: str, *, at: int) -> bytes:
    entries = [entry for entry in entries if len(entry[2])]
    after = at + 2 + 12 * len(entries) + 4
    table, values = struct.pack(f"{order}H", len(entries)), b""
    for tag, kind, content in entries:
        letter = {_SHORT: "H", _LONG: "I", _UNDEFINED: "B"}[kind]
        written = struct.pack(f"{order}{len(content)}{letter}", *content)
        if len(written) > 4:
            place = struct.pack(f"{order}I", after + len(values))
            values += written
        else:
            place = written.ljust(4, b"\0")
        table += struct.pack(f"{order}HHI", tag, kind, len(content)) + place
    return table + bytes(4) + values
