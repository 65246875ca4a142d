"""Simulated photographs of covers are reproducible, changed, and still recognizable."""

import numpy as np
import pytest
from PIL import Image

from catalog.demo.albums import demo_albums
from catalog.demo.drawing.cover import draw_cover
from catalog.demo.photo_distortions import DISTORTIONS, distort, rephotograph


@pytest.fixture(scope="module")
def covers() -> list[Image.Image]:
    return [draw_cover(album, size_px=160) for album in demo_albums(30)]


def apart(one: Image.Image, other: Image.Image) -> float:
    small = [np.asarray(image.resize((8, 8), Image.Resampling.BOX), float) for image in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


def test_the_same_seed_gives_the_same_photograph(covers: list[Image.Image]) -> None:
    first, again, other = (rephotograph(covers[0], seed=seed) for seed in (4, 4, 5))

    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_photograph_keeps_size_and_mode_of_the_cover(covers: list[Image.Image]) -> None:
    wide = covers[0].resize((200, 120))

    photo = rephotograph(wide, seed=1)

    assert photo.size == (200, 120)
    assert photo.mode == "RGB"


def test_most_photographs_resemble_their_own_cover_most(covers: list[Image.Image]) -> None:
    photos = [rephotograph(cover, seed=seed) for seed, cover in enumerate(covers)]

    own = [int(np.argmin([apart(photo, cover) for cover in covers])) for photo in photos]

    assert sum(i == found for i, found in enumerate(own)) >= 20


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_each_distortion_changes_the_cover_and_is_repeatable(covers: list[Image.Image], kind: str) -> None:
    once, twice = (distort(covers[3], kind=kind, seed=9) for _ in range(2))

    assert once.tobytes() == twice.tobytes()
    assert once.tobytes() != covers[3].tobytes()
