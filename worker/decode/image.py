"""An uploaded file to the model's square input, by Pillow and NumPy alone.

    header checked ─► DCT-scaled JPEG load ─► orientation ─► 8-bit RGB or RGBA ─► resize + crop ─► on white

Imports nothing else that is heavy, for this is what a decoder process runs.
"""

import struct
from io import BytesIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from common.errors import ImageTooManyPixels, UndecodableImage, UnsupportedImage
from worker.decode.resampling import resize_and_crop

#: What may be opened at all; every other parser of Pillow's stays untouched. Of an animation the
#: first frame is read and no other, so no number of frames costs anything.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
#: A JPEG is decoded at no less than this multiple of the model's input size.
_DRAFT_FACTOR = 2
#: What Pillow's parsers raise on files that are broken or made to break them.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError, struct.error)
_WHITE = (255, 255, 255, 255)


def decode_image(data: bytes, *, size_px: int, max_pixels: int) -> Image.Image:
    """Return the RGB square that `CLIPImageProcessor` would make: shortest edge by bicubic, centre crop.

    Differs where the file says more than its samples: orientation is applied, transparency lies on
    white (how a page shows it; CLIP's processor would bare whatever colour the encoder left there),
    16-bit samples are scaled and not clipped.

    Raises:
        UnsupportedImage: not one of the accepted formats, or samples of 32 bits.
        ImageTooManyPixels: by its header, before anything is decoded.
        UndecodableImage: the bytes do not decode.
    """
    image = _open(data, max_pixels=max_pixels)
    try:
        return _square(_upright(image, size_px), size_px)
    except MemoryError as error:
        raise UndecodableImage("the image needs more memory to decode than is allowed") from error
    except _BROKEN as error:
        raise UndecodableImage(f"the {image.format} data does not decode; it may be cut short") from error


def _open(data: bytes, *, max_pixels: int) -> Image.Image:
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageTooManyPixels(f"the image has more than {max_pixels} pixels") from error
    except UnidentifiedImageError as error:
        raise UnsupportedImage(f"the file is no image of the formats {', '.join(FORMATS)}") from error
    except _BROKEN as error:
        raise UndecodableImage("the image's header cannot be read") from error
    if image.width * image.height > max_pixels:
        raise ImageTooManyPixels(
            f"the image has {image.width} x {image.height} pixels; {max_pixels} are accepted"
        )
    return image


def _upright(image: Image.Image, size_px: int) -> Image.Image:
    """Load the samples, a JPEG's at the smallest scale that serves, and turn them as EXIF says."""
    # libjpeg scales by 1/2, 1/4 or 1/8 within the inverse DCT; other formats ignore the call
    image.draft(None, (_DRAFT_FACTOR * size_px, _DRAFT_FACTOR * size_px))
    image.load()
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    except _BROKEN:
        return image  # a picture with damaged metadata is still a picture
    return ImageOps.exif_transpose(image) if turned else image


def _square(image: Image.Image, size_px: int) -> Image.Image:
    image = _eight_bit(image)
    if not image.has_transparency_data:
        seen = resize_and_crop(image if image.mode in {"L", "RGB"} else image.convert("RGB"), size_px)
        return seen if seen.mode == "RGB" else seen.convert("RGB")
    # resampled with premultiplied colours, so that those under full transparency do not bleed
    seen = resize_and_crop(image.convert("RGBA").convert("RGBa"), size_px).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, _WHITE), seen).convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode in {"I", "F"}:
        raise UnsupportedImage("images with samples of 32 bits are not supported")
    if image.mode.startswith("I;16"):
        # Pillow's own conversion to RGB clips at 255 in some versions and shifts in others
        return image.convert("I").point(lambda sample: sample * (1 / 257) + 0.5).convert("L")
    return image
