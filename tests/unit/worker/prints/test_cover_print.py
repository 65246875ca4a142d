from hashlib import sha256
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from catalog.demo.albums import demo_albums
from catalog.demo.drawing.cover import draw_cover
from common.errors import DamagedPrint, UndecodableImage
from common.prints import MAX_POINTS, Print, pdq_distance, unpack_points, validate_print
from worker.prints.cover_print import make_print
from worker.prints.local_points import rotation
from worker.prints.thumbnail import decode_thumbnail

#: Two codes with fewer different bits belong to the same point of an artwork, with few exceptions.
_SAME_BITS = 24


@pytest.fixture(scope="module")
def covers() -> list[Image.Image]:
    return [draw_cover(album, size_px=448) for album in demo_albums(12, seed=77)]


def print_of(image: Image.Image) -> Print:
    return validate_print(make_print(np.asarray(image.convert("RGB"))))


def shared_points(one: Print, other: Print) -> int:
    """Return the number of points of one print that have a nearly equal code in the other print."""
    ones, others = unpack_points(one.points).codes, unpack_points(other.points).codes
    differing = np.bitwise_count(ones[:, None] ^ others[None]).sum(axis=2)
    return int((differing.min(axis=1) < _SAME_BITS).sum())


def reencoded(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(file).convert("RGB")


def recoloured(image: Image.Image) -> Image.Image:
    red, green, blue = image.convert("RGB").split()
    return Image.merge("RGB", (green, blue, red))


def cropped(image: Image.Image) -> Image.Image:
    return image.crop((30, 40, image.width - 25, image.height - 35))


@pytest.mark.parametrize("change", [reencoded, recoloured, cropped])
def test_a_changed_cover_shares_more_points_with_the_original_than_with_others(
    covers: list[Image.Image], change: object
) -> None:
    assert callable(change)
    prints = [print_of(cover) for cover in covers]

    nearest = []
    for cover in covers:
        changed = print_of(change(cover))
        nearest.append(int(np.argmax([shared_points(changed, candidate) for candidate in prints])))

    assert nearest == list(range(len(covers)))


def test_the_hash_of_a_reencoded_cover_is_near_and_of_other_covers_far(covers: list[Image.Image]) -> None:
    prints = [print_of(cover) for cover in covers]
    again = [print_of(reencoded(cover)) for cover in covers]

    same = [pdq_distance(one.pdq, two.pdq) for one, two in zip(prints, again, strict=True)]
    other = [pdq_distance(one.pdq, two.pdq) for one, two in zip(prints, again[1:] + again[:1], strict=True)]

    assert max(same) < 32
    assert min(other) > 60


def test_the_same_pixels_give_the_same_print(covers: list[Image.Image]) -> None:
    assert print_of(covers[0]) == print_of(covers[0].copy())


def test_the_thumbnail_shows_the_cover(covers: list[Image.Image]) -> None:
    small = np.asarray(covers[0].resize((64, 64), Image.Resampling.BOX), dtype=float)

    seen = decode_thumbnail(print_of(covers[0]).thumbnail)

    assert np.abs(seen - small).mean() < 8


def noise() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (448, 448, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((448, 448, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8), noise(), noise()[:, :30]],
    ids=["black", "one pixel", "noise", "a strip"],
)
def test_every_picture_has_a_valid_print_of_at_most_8_kb(pixels: npt.NDArray[np.uint8]) -> None:
    found = validate_print(make_print(pixels))

    assert found.size_bytes <= 8000
    assert len(unpack_points(found.points)) <= MAX_POINTS


def test_places_do_not_depend_on_the_size_of_the_picture(covers: list[Image.Image]) -> None:
    large = unpack_points(print_of(covers[0].resize((1000, 1000), Image.Resampling.LANCZOS)).points)
    small = unpack_points(print_of(covers[0]).points)

    differing = np.bitwise_count(large.codes[:, None] ^ small.codes[None]).sum(axis=2)
    pairs = [(a, int(differing[a].argmin())) for a in range(len(large)) if differing[a].min() < 8]

    assert len(pairs) > 20
    moved = [np.abs(large.places[a] - small.places[b]).max() for a, b in pairs]
    assert np.median(moved) < 0.003


def test_the_rotation_of_descriptors_is_pinned() -> None:
    assert np.allclose(rotation() @ rotation().T, np.eye(128), atol=1e-5)
    digest = sha256(rotation().tobytes()).hexdigest()
    assert digest == "f3f182ee37bf9203efcbb90823a0ad3b0ef20195b3c14d8b9a1b9f8feb3d0ff4"


def test_a_damaged_thumbnail_is_refused(covers: list[Image.Image]) -> None:
    whole = print_of(covers[0]).thumbnail

    with pytest.raises(DamagedPrint):
        decode_thumbnail(whole[:12] + bytes(len(whole) - 12))


def test_a_picture_that_opencv_cannot_analyse_is_undecodable() -> None:
    # OpenCV refuses a picture without pixels as it refuses one for which memory is missing.
    with pytest.raises(UndecodableImage, match="OpenCV"):
        make_print(np.empty((0, 5, 3), dtype=np.uint8))
