"""Drawn covers are reproducible, can have any size, and look as their attributes say."""

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from catalog.demo.albums import demo_albums
from catalog.demo.drawing.cover import cover_jpeg, draw_cover

#: SHA-256 of the pixels of some covers at 160 px, drawn with the pinned versions of Pillow and NumPy.
REBUILT = {
    0: "a95855594e7a1b7a1bd9582ed986b820a43f50c3f11fdeaa3f7743a2ce7bc637",
    1: "f41bc425febc01accd17836a34407a99f1a92350a72700638013f8902fdb8986",
    2: "8a541cca66b4424cb6e6ff9b4da9438d05efa40810a66eb8a8b393473f019096",
    3: "11395d48d9fe4e8351b06476d7a4065115a606e4024b3e373dd3d4a8ea909da1",
    4: "29bdc140b0cc5ec5c08064bc6dd33b2fa5befa997972509428ab4946b4e42f47",
    9: "3f70a3befe7e3734619b9f523242ed1923c6eac346a08bb3dcca7e23df707e79",
    11: "0953c130e2a13bf41187a3eab395232ef628529f960636a24351030c1d634696",
    12: "ad1213ea7f1491a95a4faa0d94fc4621939ef6385694473f8f72b5f59bcac597",
    31: "714d533888350f2e82f7a0119b6fc00deebcbfc759882adca503ac673fe077f7",
}


def luma(image: Image.Image) -> float:
    return float(np.asarray(image.convert("L")).mean())


@pytest.mark.parametrize(("number", "digest"), REBUILT.items())
def test_a_redrawn_cover_has_identical_pixels(number: int, digest: str) -> None:
    album = demo_albums(number + 1)[number]

    image = draw_cover(album, size_px=160)

    assert hashlib.sha256(image.tobytes()).hexdigest() == digest


def test_no_two_covers_are_alike() -> None:
    drawn = [draw_cover(album, size_px=64).tobytes() for album in demo_albums(60)]

    assert len(set(drawn)) == 60


@pytest.mark.parametrize("size_px", [64, 161, 640])
def test_a_cover_is_a_square_of_the_requested_size(size_px: int) -> None:
    image = draw_cover(demo_albums(1)[0], size_px=size_px)

    assert image.size == (size_px, size_px)
    assert image.mode == "RGB"


def test_a_cover_shows_the_same_picture_at_every_size() -> None:
    for album in demo_albums(12):
        small = draw_cover(album, size_px=160).resize((32, 32), Image.Resampling.BOX)
        large = draw_cover(album, size_px=480).resize((32, 32), Image.Resampling.BOX)

        apart = np.abs(np.asarray(small, float) - np.asarray(large, float)).mean()

        assert apart < 8, album


def test_the_title_is_drawn_on_the_cover() -> None:
    album = demo_albums(1)[0]

    named, renamed = draw_cover(album, size_px=160), draw_cover(replace(album, album_name="X"), size_px=160)

    assert named.tobytes() != renamed.tobytes()


def test_dark_bright_and_pale_covers_have_increasing_luma() -> None:
    by_tone: dict[str, list[float]] = {"dark": [], "bright": [], "pale": []}
    for album in demo_albums(60):
        by_tone[album.look.tone].append(luma(draw_cover(album, size_px=64)))

    means = {tone: np.mean(lumas) for tone, lumas in by_tone.items()}

    assert means["dark"] + 40 < means["bright"]
    assert means["bright"] + 40 < means["pale"]


def test_the_jpeg_of_a_cover_is_repeatable_and_decodes_to_its_pixels() -> None:
    album = demo_albums(3)[2]

    data = cover_jpeg(album, size_px=320)

    assert data == cover_jpeg(album, size_px=320)
    decoded = Image.open(io.BytesIO(data))
    assert decoded.format == "JPEG"
    apart = np.asarray(decoded, float) - np.asarray(draw_cover(album, size_px=320), float)
    assert np.abs(apart).mean() < 8
