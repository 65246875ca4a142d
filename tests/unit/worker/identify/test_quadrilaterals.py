import numpy as np
import pytest

from worker.identify.quadrilaterals import Quad, in_reading_order, is_plausible, overlap_of, turn_deg

SIZE = (640, 480)


def square(x: float, y: float, side: float) -> Quad:
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], dtype=np.float32)


def turned(quad: Quad, degrees: float) -> Quad:
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = quad.mean(axis=0)
    return np.asarray((quad - middle) @ rotation + middle, dtype=np.float32)


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, 300])
def test_a_square_is_plausible_at_any_angle(degrees: float) -> None:
    assert is_plausible(turned(square(200, 100, 240), degrees), size=SIZE)


@pytest.mark.parametrize(
    "quad",
    [
        square(200, 100, 240)[::-1],
        square(200, 100, 20),
        square(900, 100, 240),
        square(200, 100, 240) * np.array([1.0, 0.2], dtype=np.float32),
        square(200, 100, 240)[[0, 2, 1, 3]],
        np.full((4, 2), np.nan, dtype=np.float32),
    ],
    ids=["mirrored", "tiny", "outside", "flat", "crossed", "not a number"],
)
def test_what_no_sleeve_can_look_like_is_not_plausible(quad: Quad) -> None:
    assert not is_plausible(quad, size=SIZE)


def test_the_overlap_of_two_squares_is_the_shared_area_over_the_union() -> None:
    assert overlap_of(square(0, 0, 10), square(0, 0, 10)) == pytest.approx(1)
    assert overlap_of(square(0, 0, 10), square(5, 0, 10)) == pytest.approx(1 / 3)
    assert overlap_of(square(0, 0, 10), square(50, 0, 10)) == 0


@pytest.mark.parametrize("degrees", [0, 45, -90, 170])
def test_the_turn_is_that_of_the_upper_edge(degrees: float) -> None:
    assert turn_deg(turned(square(100, 100, 50), degrees)) == pytest.approx(degrees, abs=0.01)


def test_corners_are_put_in_reading_order() -> None:
    expected = square(10, 20, 30)

    assert (in_reading_order(expected[[2, 1, 0, 3]]) == expected).all()
