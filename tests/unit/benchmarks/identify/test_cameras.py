from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.identify import ray_camera, warping_camera
from benchmarks.identify.catalog import decoy_of, drawn
from benchmarks.identify.difficulty import CAREFUL, WORST, Photograph
from catalog.demo.albums import demo_albums
from worker.identify.quadrilaterals import area_of

Camera = Callable[..., Photograph]
#: A photograph without light, blur or fingers, so that its colours are the cover's.
_PLAIN = replace(CAREFUL, light=(1.0, 1.0), glare=0.0, blur_px=0.4)
#: Four colours, one in each quarter, clockwise from the upper left.
_QUARTERS = np.array([[200, 40, 40], [40, 180, 40], [40, 40, 200], [200, 200, 40]])


def quartered() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    cover = np.empty((480, 480, 3), dtype=np.uint8)
    cover[:240, :240], cover[:240, 240:] = _QUARTERS[0], _QUARTERS[1]
    cover[240:, 240:], cover[240:, :240] = _QUARTERS[2], _QUARTERS[3]
    return cover


@pytest.mark.parametrize("camera", [warping_camera.photograph, ray_camera.photograph])
def test_the_corners_say_where_the_cover_is(camera: Camera) -> None:
    photograph = camera(quartered(), difficulty=_PLAIN, seed=5)

    middle = photograph.quad.mean(axis=0)
    for corner, colour in zip(photograph.quad, _QUARTERS, strict=True):
        x, y = (corner + (middle - corner) * 0.3).round().astype(int)
        assert np.abs(photograph.pixels[y, x] - colour.astype(float)).max() < 60


@pytest.mark.parametrize("camera", [warping_camera.photograph, ray_camera.photograph])
@pytest.mark.parametrize("difficulty", [CAREFUL, WORST])
def test_the_background_has_the_share_of_its_difficulty(camera: Camera, difficulty: object) -> None:
    photograph = camera(quartered(), difficulty=difficulty, seed=2)

    height, width = photograph.pixels.shape[:2]
    background = 1 - area_of(photograph.quad) / (width * height)
    assert abs(background - photograph.difficulty.background) < 0.08


@pytest.mark.parametrize("camera", [warping_camera.photograph, ray_camera.photograph])
def test_a_seed_gives_the_same_photograph_again(camera: Camera) -> None:
    first, again, other = (camera(quartered(), difficulty=WORST, seed=seed) for seed in (1, 1, 2))

    assert (first.pixels == again.pixels).all()
    assert (first.quad == again.quad).all()
    assert (first.quad != other.quad).any()


def test_a_decoy_has_the_layout_of_its_album_and_other_colours() -> None:
    album = demo_albums(1)[0]
    decoy = decoy_of(album, seed=1)

    assert (decoy.look.layout, decoy.look.shape, decoy.look.seed) == (
        album.look.layout,
        album.look.shape,
        album.look.seed,
    )
    assert decoy.album_name != album.album_name
    assert np.abs(drawn(decoy).astype(float) - drawn(album)).mean() > 20
