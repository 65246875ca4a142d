"""Opens an image file with the parser of its format, and configures the parsers."""

import struct
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from types import MappingProxyType

from pi_heif import options as heif_options
from PIL import AvifImagePlugin, Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from common.errors import ImageTooManyPixels, UndecodableImage
from common.images.formats import avif, heif
from worker.decode.deep_grey_heif import SafeHeifImageFile

#: The exceptions that parsers and decoders raise for broken or malicious files. Pillow 13 asserts that a
#: picture with a palette has one.
BROKEN = (
    AssertionError,
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    RuntimeError,
    struct.error,
)
_BOXED: Mapping[str, type[ImageFile.ImageFile]] = MappingProxyType(
    {"HEIF": SafeHeifImageFile, "AVIF": AvifImagePlugin.AvifImageFile}
)
_ANIMATED, _HAS_ALPHA = 0x02, 0x10
_VP8X_FLAGS_AT = 20


def open_image(data: bytes, image_format: str, *, max_pixels: int) -> ImageFile.ImageFile:
    """Parse a file's header without decoding its samples.

    Raises:
        ImageTooManyPixels: the header declares too many pixels.
        UndecodableImage: the header is broken.
    """
    _set_parsers()
    try:
        image = _parse(data, image_format, max_pixels=max_pixels)
    except Image.DecompressionBombError as error:
        raise ImageTooManyPixels(f"the image has more than {max_pixels} pixels") from error
    except UnidentifiedImageError as error:
        raise UndecodableImage(
            f"the {image_format} file is broken, or of an unusual kind; save it as a plain JPEG or PNG"
        ) from error
    except BROKEN as error:
        raise UndecodableImage("the image's header cannot be read") from error
    if image.width * image.height > max_pixels:
        raise ImageTooManyPixels(
            f"the image has {image.width} x {image.height} pixels; {max_pixels} are accepted"
        )
    return image


def _parse(data: bytes, image_format: str, *, max_pixels: int) -> ImageFile.ImageFile:
    if image_format in _BOXED:
        heif.check_pixels(data, max_pixels=max_pixels)
        file = avif.without_sequence(data) if image_format == "AVIF" else data
        return _BOXED[image_format](BytesIO(file))
    if image_format == "WEBP":
        data = _with_transparent_canvas(data)
    return Image.open(BytesIO(data), formats=(image_format,))


@cache
def _set_parsers() -> None:
    # Every TIFF is decoded by libtiff, because Pillow's own decoder misreads uncompressed 16-bit planes as
    # 8-bit planes.
    TiffImagePlugin.READ_LIBTIFF = True
    # These entries make Pillow open grey TIFFs of 12 and 16 bits in both byte orders, even if zero means
    # white. The samples of these TIFFs are scaled and inverted by `scale_tiff_grey`.
    for order, sixteen in ((b"II", "I;16"), (b"MM", "I;16B")):
        for photometric in (0, 1):
            key = (order, photometric, (1,), 1)
            TiffImagePlugin.OPEN_INFO[*key, (16,), ()] = (sixteen, sixteen)
            TiffImagePlugin.OPEN_INFO[*key, (12,), ()] = ("I;16", "I;12")
    # Codecs use a single thread each, because several decoder processes run in parallel, and because every
    # thread reserves address space.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    heif_options.DECODE_THREADS = 0
    heif_options.THUMBNAILS = heif_options.DEPTH_IMAGES = heif_options.AUX_IMAGES = False


def _with_transparent_canvas(data: bytes) -> bytes:
    """Make an animated WebP's canvas transparent where the first frame does not cover it.

    Without the alpha flag libwebp fills the canvas with black.
    """
    if data[12:16] != b"VP8X" or data[_VP8X_FLAGS_AT] & (_ANIMATED | _HAS_ALPHA) != _ANIMATED:
        return data
    frame = data.find(b"ANMF")
    # The fields for canvas width and height are compared with those of the frame; all these fields store the
    # value minus one.
    if frame < 0 or data[24:30] == data[frame + 14 : frame + 20]:
        return data
    flags = data[_VP8X_FLAGS_AT] | _HAS_ALPHA
    return data[:_VP8X_FLAGS_AT] + bytes([flags]) + data[_VP8X_FLAGS_AT + 1 :]
