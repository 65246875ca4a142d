"""A file without its last 1 % decodes, and a file that lacks more is refused as truncated."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from api.http.request_bodies.image_header import check_image
from benchmarks.costly_images.family import encoded, noise
from common.errors import ImageError, UndecodableImage
from tests.unit.worker.decode.pictures import decode

SIDE = 224
PIXELS_MAX = 50_000_000

#: Combinations of format, mode and encoder options that let the decoder tell how much of a file is missing.
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "JPEG": ("JPEG", "RGB", {}),
    "grey JPEG": ("JPEG", "L", {}),
    "progressive JPEG": ("JPEG", "RGB", {"progressive": True}),
    "JPEG of small samples": ("JPEG", "RGB", {"subsampling": 0, "quality": 95}),
    "PNG": ("PNG", "RGB", {}),
    "PNG with alpha": ("PNG", "RGBA", {}),
    "PNG of a palette": ("PNG", "P", {}),
    "GIF": ("GIF", "P", {}),
    "GIF in grey": ("GIF", "L", {}),
    "WebP": ("WEBP", "RGB", {}),
    "WebP with alpha": ("WEBP", "RGBA", {}),
    "BMP": ("BMP", "RGB", {}),
    "BMP of 1 bit": ("BMP", "1", {}),
    "TIFF": ("TIFF", "RGB", {}),
    "AVIF": ("AVIF", "RGB", {}),
}


def picture(mode: str, side: int = 640) -> Image.Image:
    image = noise(side, side, grain_px=8)
    return image.quantize(64) if mode == "P" else image.convert(mode)


@cache
def file(name: str, side: int = 640) -> bytes:
    image_format, mode, options = KINDS[name]
    return encoded(picture(mode, side), image_format, **options)


def pixels(data: bytes) -> npt.NDArray[np.int16]:
    return decode(data, size_px=SIDE).astype(np.int16)


def differing_share(left: npt.NDArray[np.int16], right: npt.NDArray[np.int16]) -> float:
    return float((np.abs(left - right).max(axis=-1) > 4).mean())


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_lossy_webp_decodes_wherever_its_last_hundredth_is_cut(mode: str) -> None:
    # Without further zeros, libwebp refuses the files that lack 3, 9, 10, 16 and some other numbers of bytes.
    image = noise(333, 217, grain_px=8)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    whole = encoded(image, "WEBP", quality=95)
    expected = pixels(whole)

    for missing in range(1, len(whole) // 100):
        data = whole[:-missing]
        check_image(data, max_pixels=PIXELS_MAX)
        assert differing_share(pixels(data), expected) < 0.02, missing


@pytest.mark.parametrize("cut", ["1 byte", "2 bytes", "9 bytes", "0.5 %", "0.9 %"])
@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_lacks_at_most_its_last_hundredth_decodes(name: str, cut: str) -> None:
    whole = file(name)
    count, unit = cut.split()
    missing = int(float(count) / 100 * len(whole)) if unit == "%" else int(count)

    check_image(whole[:-missing], max_pixels=PIXELS_MAX)
    shown = pixels(whole[:-missing])

    assert differing_share(shown, pixels(whole)) < 0.02


@pytest.mark.parametrize("share", [0.03, 0.1, 0.5])
@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_lacks_more_is_refused_as_truncated(name: str, share: float) -> None:
    whole = file(name)
    cut = whole[: int(len(whole) * (1 - share))]

    with pytest.raises(UndecodableImage, match="cut short"):
        decode(cut, size_px=SIDE)


@pytest.mark.parametrize("name", KINDS)
def test_the_decoder_refuses_every_file_that_the_gateway_finds_truncated(name: str) -> None:
    whole = file(name)

    for missing in (1, 2, 9, len(whole) // 150, len(whole) // 50, len(whole) // 10):
        cut = whole[:-missing]
        try:
            check_image(cut, max_pixels=PIXELS_MAX)
        except ImageError as refused:
            with pytest.raises(type(refused)):
                decode(cut, size_px=SIDE)


@pytest.mark.parametrize("name", ["JPEG", "progressive JPEG"])
def test_a_scaled_jpeg_without_its_last_two_bytes_decodes(name: str) -> None:
    whole = file(name, side=2000)

    assert np.array_equal(pixels(whole[:-2]), pixels(whole))


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    whole = file("progressive JPEG")
    last_scan = whole.rindex(b"\xff\xda")

    with pytest.raises(UndecodableImage, match="scans are missing"):
        decode(whole[:last_scan], size_px=SIDE)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF"])
def test_damage_in_the_middle_is_not_truncation(name: str) -> None:
    whole = bytearray(file(name))
    middle = len(whole) // 2
    if name == "JPEG":
        del whole[middle:-2]
    else:
        whole[middle : middle + 40] = bytes(40)

    if name == "JPEG":
        # libjpeg decodes the rest of a damaged file if the end is intact.
        assert pixels(bytes(whole)).shape == (SIDE, SIDE, 3)
    elif name == "PNG":
        with pytest.raises(UndecodableImage):
            decode(bytes(whole), size_px=SIDE)


def test_a_jpeg_with_junk_instead_of_its_end_is_truncated() -> None:
    whole = file("JPEG")
    cut = whole[: len(whole) // 2]

    for junk in (b"", b"\xff", b"\xff\xff", b"\xff\x00" * 20):
        with pytest.raises(UndecodableImage, match="cut short"):
            decode(cut + junk, size_px=SIDE)
