import numpy as np
import numpy.typing as npt

from worker.identify.analysed_photograph import ANALYSED_PX, analyse
from worker.identify.crops import squares_of
from worker.identify.levelling import even_light, level_light
from worker.identify.outlines import find_outlines
from worker.identify.quadrilaterals import overlap_of

CORNERS = np.array([[150, 60], [430, 90], [400, 390], [130, 350]], dtype=np.float32)


def sheet_on_a_table(paper: int = 200, table: int = 60) -> npt.NDArray[np.uint8]:
    """Return 640 x 480 pixels with a bright quadrilateral whose corners are `CORNERS`."""
    y, x = np.mgrid[:480, :640]
    inside = np.ones((480, 640), dtype=bool)
    for start, end in zip(CORNERS, np.roll(CORNERS, -1, axis=0), strict=True):
        inside &= (end[0] - start[0]) * (y - start[1]) - (end[1] - start[1]) * (x - start[0]) >= 0
    grey = np.where(inside, paper, table) + np.random.default_rng(1).normal(0, 3, inside.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def test_a_dark_photograph_becomes_bright_and_keeps_its_colours() -> None:
    dark = np.full((40, 40, 3), (20, 10, 5), dtype=np.uint8)

    levelled = level_light(dark)

    red, green, blue = levelled[0, 0].tolist()
    assert red > 120
    assert (abs(red / green - 2) < 0.1, abs(red / blue - 4) < 0.2) == (True, True)


def test_a_bright_photograph_is_not_changed() -> None:
    bright = sheet_on_a_table(paper=250)

    assert (level_light(bright) == bright).all()


def test_texture_in_shadow_becomes_as_strong_as_in_light() -> None:
    y, x = np.mgrid[:320, :640]
    texture = 120 + 60 * np.sin(x / 2) * np.cos(y / 3)
    shadowed = np.where(x < 320, 0.3 * texture, texture)
    photograph = np.repeat(shadowed.astype(np.uint8)[:, :, None], 3, axis=2)

    even = even_light(photograph)[:, :, 0].astype(float)

    assert photograph[:, :160].std() < 0.4 * photograph[:, 480:].std()
    assert 0.8 < even[:, :160].std() / even[:, 480:].std() < 1.2


def test_the_outline_of_a_sheet_is_found() -> None:
    first, *_ = find_outlines(sheet_on_a_table())

    assert overlap_of(first, CORNERS) > 0.9


def test_an_even_picture_has_neither_outlines_nor_points() -> None:
    analysed = analyse(np.full((300, 400, 3), 90, dtype=np.uint8))

    assert analysed.outlines == []
    assert len(analysed.points) == 0


def test_the_inside_of_an_outline_is_cut_out() -> None:
    squares = squares_of(sheet_on_a_table(), [CORNERS], size_px=32)

    assert squares.shape == (4, 32, 32, 3)
    assert squares[3].min() > 150
    assert squares[0].min() < 80


def test_a_large_photograph_is_analysed_at_a_smaller_size() -> None:
    large = np.repeat(np.repeat(sheet_on_a_table(), 2, axis=0), 2, axis=1)

    analysed = analyse(large)

    assert max(analysed.size) == ANALYSED_PX
    assert analysed.scale == 2
    assert overlap_of(analysed.outlines[0] * 2, CORNERS * 2) > 0.9
