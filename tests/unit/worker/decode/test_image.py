import contextlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ExifTags, Image, ImageOps

from common.errors import ImageError, ImageTooManyPixels, UndecodableImage, UnsupportedImage
from tests.optional_packages import NEEDS_TORCH
from tests.unit.worker.decode.pictures import decode, encoded, noise, png_header, quadrants

pytest.importorskip("torch", reason=NEEDS_TORCH)

from transformers import CLIPImageProcessorPil

# Pillow's warnings are ignored, because these files are unusual on purpose.
pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 224


def as_clip_does(image: Image.Image) -> npt.NDArray[np.int16]:
    processor: Any = CLIPImageProcessorPil(do_rescale=False, do_normalize=False)
    pixels = processor(images=image.convert("RGB"), return_tensors="np")["pixel_values"][0]
    return np.asarray(pixels).transpose(1, 2, 0).astype(np.int16)


def ours(data: bytes, *, size_px: int = SIDE) -> npt.NDArray[np.int16]:
    return decode(data, size_px=size_px).astype(np.int16)


def difference(left: npt.NDArray[np.int16], right: npt.NDArray[np.int16]) -> int:
    return int(np.abs(left - right).max())


def same_to_rounding(left: npt.NDArray[np.int16], right: npt.NDArray[np.int16]) -> bool:
    """Return whether the pictures are equal except that one sample in 500 is rounded differently."""
    return difference(left, right) <= 2 and float((left != right).mean()) < 0.002


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (640, 640),
        (300, 500),
        (500, 300),
        (701, 433),
        (433, 701),
        (1700, 900),
        (224, 224),
        (100, 57),
        (5, 90),
        (90, 5),
        (1, 1),
    ],
)
def test_pixels_equal_those_of_clips_processor_up_to_rounding(width: int, height: int) -> None:
    image = noise(width, height)

    assert same_to_rounding(ours(encoded(image, "PNG")), as_clip_does(image))


@pytest.mark.parametrize(
    ("width", "height"), [(300, 700), (131, 2000), (640, 1300), (300, 2000), (2000, 300)]
)
def test_a_tall_picture_is_resized_horizontally_first(width: int, height: int) -> None:
    # The expected pixels need two calls, because one call of Pillow 13 resizes tall pictures vertically
    # first.
    image, shortest = noise(width, height), min(width, height)
    across, down = SIDE * width // shortest, SIDE * height // shortest
    both = image.resize((across, height), Image.Resampling.BICUBIC).resize(
        (across, down), Image.Resampling.BICUBIC
    )
    left, top = (across - SIDE) // 2, (down - SIDE) // 2
    middle = both.crop((left, top, left + SIDE, top + SIDE))

    assert same_to_rounding(ours(encoded(image, "PNG")), np.asarray(middle).astype(np.int16))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_accepted_format_decodes(kind: str) -> None:
    data = encoded(noise(400, 300, grain_px=16), kind)

    assert same_to_rounding(ours(data), as_clip_does(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "PNG"), ("L", "JPEG"), ("1", "PNG"), ("P", "PNG"), ("CMYK", "JPEG"), ("CMYK", "TIFF")],
)
def test_every_colour_mode_decodes(mode: str, kind: str) -> None:
    data = encoded(noise(300, 260, grain_px=8, mode=mode), kind)

    assert same_to_rounding(ours(data), as_clip_does(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_samples_are_scaled_and_not_clipped(kind: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, SIDE).astype(np.uint16), (SIDE, 1))

    pixels = ours(encoded(Image.fromarray(ramp), kind))

    assert np.array_equal(pixels[0, :, 0], (ramp[0] / 257).round())


def test_32_bit_samples_are_refused() -> None:
    image = Image.fromarray(np.zeros((50, 50), dtype=np.float32))

    with pytest.raises(UnsupportedImage, match="32 bits"):
        ours(encoded(image, "TIFF"))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_blended_with_white(kind: str) -> None:
    image = Image.new("RGBA", (300, 300), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 150, 300))
    options = {"lossless": True} if kind == "WEBP" else {}

    pixels = ours(encoded(image, kind, **options))

    assert pixels[100, 20].tolist() == [0, 0, 255]
    assert pixels[100, 200].tolist() == [255, 255, 255]


def test_partial_transparency_is_blended_with_white() -> None:
    data = encoded(Image.new("RGBA", (300, 300), (0, 0, 0, 128)), "PNG")

    assert abs(int(ours(data)[100, 100, 0]) - 127) <= 1


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_transparent_palette_colour_is_transparent(mode: str) -> None:
    black: Any = (0, 0, 0) if mode == "RGB" else 0
    data = encoded(Image.new(mode, (300, 300), black), "PNG", transparency=black)

    assert ours(data)[100, 100].tolist() == [255, 255, 255]


def test_an_opaque_alpha_channel_changes_nothing() -> None:
    image = noise(500, 300)

    assert same_to_rounding(ours(encoded(image.convert("RGBA"), "PNG")), as_clip_does(image))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encoded(quadrants(), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))

    pixels = ours(data, size_px=64)

    for row, column in ((10, 10), (10, 50), (50, 10), (50, 50)):
        expected = np.asarray(upright.convert("RGB")).astype(np.int16)[row, column]
        assert difference(pixels[row, column], expected) <= 2


def test_a_picture_with_damaged_metadata_decodes() -> None:
    data = encoded(quadrants(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")

    assert ours(data).shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_is_decoded(kind: str) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "lime", "blue")]
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)

    assert ours(data)[100, 100].tolist() == [255, 0, 0]


def test_a_large_jpeg_is_downscaled_during_decoding_with_little_difference() -> None:
    image = noise(3000, 2000, grain_px=40)

    pixels = ours(encoded(image, "JPEG", quality=90))

    assert np.abs(pixels - as_clip_does(image)).mean() < 2


def test_an_extreme_aspect_ratio_needs_little_memory() -> None:
    """Resizing before cropping, as CLIP's image processor does, would need 11 gigabytes of memory."""
    data = encoded(Image.new("L", (1, 16_000_000), 77), "PNG")

    assert ours(data).max() == 77


@pytest.mark.parametrize("size", [(10_000, 5_001), (13_000, 13_000), (60_000, 60_000)])
def test_too_many_pixels_are_refused_from_the_header(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooManyPixels):
        ours(png_header(*size))


@pytest.mark.parametrize("data", [b"", b"no image", b"%PDF-1.7", b"<svg/>", b"\x89PNG", b"\0" * 1000])
def test_a_file_that_is_not_an_accepted_image_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        ours(data)


@pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA", "JPEG2000", "PCX"])
def test_formats_outside_the_accepted_list_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedImage):
        ours(encoded(noise(64, 64), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_truncated_file_raises_an_image_error(kind: str) -> None:
    data = encoded(noise(300, 300), kind)

    with pytest.raises(UndecodableImage):
        ours(data[: len(data) // 2])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_damaged_file_raises_no_other_error(kind: str) -> None:
    whole = encoded(noise(80, 80, grain_px=4), kind)
    draw = np.random.default_rng(5)

    for _ in range(150):
        data = bytearray(whole)
        for place in draw.integers(0, min(len(data), 600), 6):
            data[place] = draw.integers(256)
        with contextlib.suppress(ImageError):
            assert ours(bytes(data)).shape == (SIDE, SIDE, 3)
