"""What an uploaded image is, told from its first bytes and its header; nothing is decoded here."""

from io import BytesIO

from PIL import (
    BmpImagePlugin,  # noqa: F401  each import registers one format; else Pillow would look for all it has
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,
    WebPImagePlugin,  # noqa: F401
)

from common.errors import ImageTooManyPixels, UndecodableImage
from common.filetypes import isobmff, tiff
from common.filetypes.formats import format_of

#: Reads a header may take: a JPEG of padding would take one a byte, ten million of them.
HEADER_READS_MAX = 20_000
#: A header may be read this many times over.
HEADER_PASSES_MAX = 2
#: Decompressed text chunks of a PNG; Pillow would hold 64 MiB.
PNG_TEXT_BYTES_MAX = 1024 * 1024


class _Header(BytesIO):
    """A file that ends the reading of a header that has no end."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._reads_left = HEADER_READS_MAX
        self._bytes_left = HEADER_PASSES_MAX * len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._reads_left -= 1
        self._bytes_left -= len(data)
        if self._reads_left < 0 or self._bytes_left < 0:
            raise UndecodableImage("the image's header is too long")
        return data


def limit_pillow(*, max_pixels: int) -> None:
    """Set the limits that Pillow keeps for a whole process."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    PngImagePlugin.MAX_TEXT_MEMORY = PNG_TEXT_BYTES_MAX


def check_image(data: bytes, *, max_pixels: int) -> None:
    """Accept an image by its content; its name and declared type do not count.

    Raises:
        UnsupportedImage: none of the accepted formats, or a kind of one that is not read.
        UndecodableImage: the header is broken or the image is empty.
        ImageTooManyPixels: the header says so.
    """
    width, height = _size(data, format_of(data), max_pixels=max_pixels)
    if width < 1 or height < 1:
        raise UndecodableImage(f"the image is {width} by {height} pixels")
    if width * height > max_pixels:
        raise ImageTooManyPixels(
            f"the image is {width} by {height} pixels; {max_pixels} pixels in all are allowed"
        )


def _size(data: bytes, image_format: str, *, max_pixels: int) -> tuple[int, int]:
    if image_format in {"HEIF", "AVIF"}:
        # their libraries are large, and this process holds secrets
        return isobmff.check_pixels(data, max_pixels=max_pixels)
    if image_format == "TIFF":
        return tiff.size(data)
    try:
        with Image.open(_Header(data), formats=(image_format,)) as image:
            return image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooManyPixels("the image has far too many pixels") from error
    except UndecodableImage:
        raise
    except Exception as error:
        raise UndecodableImage(f"the file begins like {image_format} but its header is broken") from error
