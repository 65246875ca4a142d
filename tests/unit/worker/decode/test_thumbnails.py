"""Thumbnails show what the model's square shows: the whole picture, never enlarged, as plain WebP files."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ExifTags, Image

from common.errors import UndecodableImage, UnsupportedImage
from common.thumbnails import SIZES_PX
from tests.unit.worker.decode.files import icc
from tests.unit.worker.decode.pictures import decode, encoded, noise, quadrants
from worker.decode.image import decode_cover, decode_print, decode_thumbnails
from worker.prints.cover_print import make_print

pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 224
MAX_PIXELS = 50_000_000


def thumbnails(data: bytes) -> tuple[bytes, ...]:
    return decode_thumbnails(data, max_pixels=MAX_PIXELS)


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file), formats=["WEBP"])


def pixels(image: Image.Image) -> npt.NDArray[np.int16]:
    return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)).astype(np.int16)


@pytest.mark.parametrize(
    ("size", "small", "large"),
    [
        ((640, 640), (256, 256), (512, 512)),
        ((1000, 1000), (256, 256), (512, 512)),
        ((900, 600), (256, 170), (512, 341)),
        ((600, 900), (170, 256), (341, 512)),
        ((513, 512), (256, 256), (512, 511)),
        ((4000, 3), (256, 1), (512, 1)),
    ],
)
def test_a_thumbnail_has_the_ratio_of_the_cover(
    size: tuple[int, int], small: tuple[int, int], large: tuple[int, int]
) -> None:
    made = thumbnails(encoded(noise(*size, grain_px=8), "PNG"))

    assert [opened(file).size for file in made] == [small, large]


def test_a_small_cover_is_not_enlarged() -> None:
    small = thumbnails(encoded(noise(100, 57), "PNG"))
    medium = thumbnails(encoded(noise(480, 480, grain_px=8), "PNG"))

    assert [opened(file).size for file in small] == [(100, 57), (100, 57)]
    assert small[0] == small[1]
    assert [opened(file).size for file in medium] == [(256, 256), (480, 480)]


def rotated() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "a photographer"
    return encoded(quadrants(700), "JPEG", exif=exif, quality=95)


def half_transparent(kind: str) -> bytes:
    image = Image.new("RGBA", (600, 600), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 300, 600))
    image.paste((0, 128, 0, 128), (0, 0, 600, 200))
    return encoded(image, kind)


def in_display_p3() -> bytes:
    profile = icc.matrix_profile(primaries=icc.DISPLAY_P3)
    return encoded(quadrants(600), "JPEG", icc_profile=profile, quality=95)


UNUSUAL = {
    "rotated by Exif": rotated(),
    "transparent": half_transparent("PNG"),
    "transparent, animated": half_transparent("GIF"),
    "Display P3": in_display_p3(),
    "CMYK": encoded(quadrants(600).convert("CMYK"), "JPEG"),
    "grey": encoded(noise(600, 600, grain_px=40, mode="L"), "JPEG"),
    "16 bits": encoded(Image.fromarray(np.tile(np.linspace(0, 65535, 600).astype("u2"), (600, 1))), "PNG"),
    "a palette": encoded(quadrants(600).convert("P"), "PNG"),
    "AVIF": encoded(quadrants(600), "AVIF"),
    "TIFF": encoded(quadrants(600), "TIFF"),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_a_thumbnail_looks_like_the_models_square(name: str) -> None:
    data = UNUSUAL[name]
    square = decode(data, size_px=SIDE).astype(np.int16)

    for file in thumbnails(data):
        # Lossy compression blurs the edges between colours, but not the areas.
        assert float(np.abs(pixels(opened(file)) - square).mean()) < 4, name
        assert float(np.median(np.abs(pixels(opened(file)) - square))) <= 3, name


@pytest.mark.parametrize("name", UNUSUAL)
def test_a_thumbnail_has_no_metadata(name: str) -> None:
    for file in thumbnails(UNUSUAL[name]):
        # Metadata, colour profiles and transparency exist only in the extended format, VP8X.
        assert (file[:4], file[8:16]) == (b"RIFF", b"WEBPVP8 ")
        assert opened(file).mode == "RGB"
        assert b"photographer" not in file


@pytest.mark.parametrize(
    ("kind", "side"),
    [
        # Only JPEGs are decoded at several scales.
        *(("JPEG", side) for side in (100, 448, 640, 900, 1000, 1400, 1900, 2100, 4000)),
        *((kind, side) for kind in ("PNG", "WEBP") for side in (100, 640, 1000)),
    ],
)
def test_square_thumbnails_and_print_are_the_same_made_together_or_separately(kind: str, side: int) -> None:
    data = encoded(noise(side, side - 3, grain_px=8), kind)

    both = decode_cover(
        data, size_px=SIDE, max_pixels=MAX_PIXELS, with_thumbnails=True, make_print=make_print
    )

    assert np.array_equal(np.asarray(both.square), decode(data, size_px=SIDE))
    assert both.thumbnails == thumbnails(data)
    assert both.cover_print == decode_print(data, make_print=make_print, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_covers_have_the_same_square_with_and_without_thumbnails(name: str) -> None:
    both = decode_cover(UNUSUAL[name], size_px=SIDE, max_pixels=MAX_PIXELS, with_thumbnails=True)

    assert np.array_equal(np.asarray(both.square), decode(UNUSUAL[name], size_px=SIDE))
    assert both.thumbnails == thumbnails(UNUSUAL[name])


@pytest.mark.parametrize("side", [899, 1000, 2000])
def test_the_largest_thumbnail_is_made_from_enough_pixels(side: int) -> None:
    # At the scale for the model's square, these JPEGs would have 450 to 500 pixels.
    data = encoded(noise(side, side, grain_px=8), "JPEG")

    assert opened(thumbnails(data)[-1]).size == (512, 512)


def test_there_is_one_thumbnail_for_each_size() -> None:
    assert len(thumbnails(encoded(noise(700, 700, grain_px=8), "JPEG"))) == len(SIZES_PX)


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"no image", UnsupportedImage), (encoded(noise(300, 300), "PNG")[:5000], UndecodableImage)],
)
def test_a_cover_that_does_not_decode_has_no_thumbnails(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        thumbnails(data)
    with pytest.raises(error):
        decode_cover(data, size_px=SIDE, max_pixels=MAX_PIXELS)
