"""Loads a file's samples with 8 bits each, and applies orientation, scaling, transparency and crop.

The loaded image has one of Pillow's modes L, LA, P, RGB, RGBA, RGBa, CMYK, LAB. Transparency is stored in the
alpha channel; for a single transparent colour or a palette, it is stored in `info["transparency"]`.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from types import MappingProxyType

from PIL import ExifTags, Image, ImageFile

from common.images.formats import heif
from worker.decode import truncated_files
from worker.decode.bit_depth import scale_tiff_grey, to_8_bits
from worker.decode.image_parsers import BROKEN
from worker.decode.transparency import apply_bmp_alpha, apply_png_transparency, with_gif_canvas

_ROTATIONS = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)


def load_samples(image: ImageFile.ImageFile, data: bytes, image_format: str, *, least_px: int) -> Image.Image:
    """Decode an opened image; decode a JPEG at the smallest scale with edges of at least `least_px`."""

    def opened(file: bytes) -> ImageFile.ImageFile:
        return scaled_down(Image.open(BytesIO(file), formats=(image_format,)), least_px)

    drawn = image.tile[0].extents if image.tile else None
    image = truncated_files.load(scaled_down(image, least_px), data, image_format, reopen=opened)
    rotation = _rotation(image)
    if image_format == "GIF" and drawn is not None:
        loaded = with_gif_canvas(image, drawn)
    else:
        loaded = _FORMAT_STEPS.get(image_format, _unchanged)(image, data)
    loaded = to_8_bits(loaded)
    return loaded if rotation is None else loaded.transpose(rotation)


def scaled_down(image: ImageFile.ImageFile, least_px: int) -> ImageFile.ImageFile:
    """Let a JPEG be decoded at the smallest scale with edges of at least `least_px`; return the image."""
    # For a JPEG, this call makes libjpeg scale by 1/2, 1/4 or 1/8 in the inverse DCT; it has no effect on
    # other formats.
    image.draft(None, (least_px, least_px))
    return image


def _rotation(image: Image.Image) -> Image.Transpose | None:
    try:
        return _ROTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except BROKEN:
        return None  # damaged metadata is ignored


def _unchanged(image: Image.Image, _data: bytes) -> Image.Image:
    return image


def _apply_avif_crop(image: Image.Image, data: bytes) -> Image.Image:
    """Crop an AVIF before it is rotated, because libavif leaves cropping to its caller."""
    crop = heif.primary_picture(data).crop
    return image if crop is None else image.crop(crop)


_FORMAT_STEPS: Mapping[str, Callable[[Image.Image, bytes], Image.Image]] = MappingProxyType(
    {
        "PNG": apply_png_transparency,
        "TIFF": scale_tiff_grey,
        "BMP": apply_bmp_alpha,
        "AVIF": _apply_avif_crop,
    }
)
