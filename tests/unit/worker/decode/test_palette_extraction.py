"""A cover's palette describes its pixels by a few colours with their shares."""

import numpy as np
import pytest

from catalog.demo.albums import demo_albums
from catalog.demo.drawing.cover import draw_cover
from common.colours.names import main_colour
from common.colours.oklab import oklab
from common.colours.palette import COLOURS_MAX
from worker.decode.palette_extraction import palette_of

#: The palette of the gradient below; another palette needs another PALETTE_VERSION.
KNOWN = (
    (528, -91, 67, 178),
    (600, -105, 77, 168),
    (681, -121, 89, 150),
    (452, -76, 56, 148),
    (373, -61, 45, 121),
    (787, -142, 104, 114),
    (278, -41, 30, 92),
    (164, -19, 13, 29),
)
RED, BLUE, WHITE = (220, 34, 40), (30, 88, 226), (255, 255, 255)


def striped(*stripes: tuple[tuple[int, int, int], int]) -> np.ndarray:
    """Return pixels with stripes of colours, each with its number of rows."""
    return np.concatenate([np.full((rows, 100, 3), colour, np.uint8) for colour, rows in stripes])


def test_flat_areas_become_colours_with_their_shares() -> None:
    palette = palette_of(striped((RED, 25), (BLUE, 60), (WHITE, 15)))

    assert palette.shares.tolist() == [600, 250, 150]
    # A sample is rounded to one of 32 levels.
    assert palette.lab == pytest.approx(oklab(np.array([BLUE, RED, WHITE])), abs=0.02)


def test_black_and_white_stay_exact() -> None:
    palette = palette_of(striped(((0, 0, 0), 30), (WHITE, 70)))

    assert palette.colours == ((1000, 0, 0, 700), (0, 0, 0, 300))


def test_a_cover_of_one_colour_has_one_colour() -> None:
    assert [colour[3] for colour in palette_of(striped((RED, 10))).colours] == [1000]


def test_specks_are_left_out() -> None:
    palette = palette_of(striped((RED, 996), (BLUE, 4)))

    assert len(palette.colours) == 1


def test_noise_has_at_most_eight_colours_that_cover_nearly_everything() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (80, 80, 3), dtype=np.uint8)

    palette = palette_of(pixels)

    assert len(palette.colours) <= COLOURS_MAX
    assert 990 <= palette.shares.sum() <= 1010
    assert (np.diff(palette.shares) <= 0).all()


def test_a_palette_does_not_depend_on_the_places_of_pixels() -> None:
    pixels = np.asarray(draw_cover(demo_albums(1)[0], size_px=80))
    shuffled = np.random.default_rng(3).permutation(pixels.reshape(-1, 3)).reshape(pixels.shape)

    assert palette_of(pixels) == palette_of(shuffled)


def test_a_known_cover_has_the_same_palette_on_every_machine() -> None:
    gradient = np.add.outer(np.arange(64), np.arange(64))[..., None] * np.array([1, 2, 1]) % 256

    palette = palette_of(gradient.astype(np.uint8))

    assert palette.colours == KNOWN


def test_the_main_colour_of_demo_covers_is_one_of_their_colours() -> None:
    albums = demo_albums(40, seed=5)

    named = [main_colour(palette_of(np.asarray(draw_cover(album, size_px=80)))) for album in albums]

    hits = [name in album.look.main_colours for name, album in zip(named, albums, strict=True)]
    assert np.mean(hits) >= 0.9
