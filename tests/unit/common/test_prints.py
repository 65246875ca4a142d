from dataclasses import replace

import numpy as np
import pytest

from common.errors import DamagedPrint
from common.prints import (
    MAX_POINTS,
    PDQ_BYTES,
    POINT_BYTES,
    PRINT_VERSION,
    Points,
    Print,
    pack_points,
    pdq_distance,
    pdq_distances,
    unpack_points,
    validate_print,
)


def some_points(count: int) -> Points:
    draw = np.random.default_rng(count)
    return Points(
        codes=draw.integers(0, 256, (count, 16), dtype=np.uint8),
        places=draw.random((count, 2), dtype=np.float32),
    )


def a_print() -> Print:
    webp = b"RIFF" + (8).to_bytes(4, "little") + b"WEBPVP8 "
    return Print(PRINT_VERSION, 448, pack_points(some_points(3)), webp, bytes(PDQ_BYTES))


def test_points_are_read_as_they_were_packed() -> None:
    points = some_points(MAX_POINTS)

    read = unpack_points(pack_points(points))

    assert (read.codes == points.codes).all()
    assert np.abs(read.places - points.places).max() < 1e-5


def test_a_point_takes_twenty_bytes_in_the_documented_layout() -> None:
    points = Points(codes=np.full((1, 16), 7, np.uint8), places=np.array([[0.0, 1.0]], np.float32))

    assert pack_points(points) == bytes([7] * 16) + b"\x00\x00\xff\xff"


def test_a_cover_without_points_has_an_empty_print() -> None:
    assert len(unpack_points(b"")) == 0


@pytest.mark.parametrize(
    "damage",
    [
        {"points": bytes(POINT_BYTES + 1)},
        {"points": bytes(POINT_BYTES * (MAX_POINTS + 1))},
        {"thumbnail": b""},
        {"thumbnail": b"RIFF\x09\x00\x00\x00WEBPVP8 "},
        {"thumbnail": b"RIFF" + (3000).to_bytes(4, "little") + b"WEBP" + bytes(2996)},
        {"pdq": bytes(31)},
        {"side_px": 0},
        {"version": PRINT_VERSION + 1},
    ],
)
def test_a_damaged_print_is_refused(damage: dict[str, bytes]) -> None:
    validate_print(a_print())

    with pytest.raises(DamagedPrint):
        validate_print(replace(a_print(), **damage))  # type: ignore[arg-type]


def test_hashes_are_compared_by_the_bits_that_differ() -> None:
    one, other = bytes(PDQ_BYTES), b"\x81" + bytes(PDQ_BYTES - 2) + b"\xff"

    assert pdq_distance(one, other) == 10
    assert pdq_distances(one, [one, other]).tolist() == [0, 10]
