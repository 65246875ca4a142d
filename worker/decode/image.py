"""Decodes a file to the model's square input, and to the thumbnails and the print of a cover.

    check header ─► 8-bit samples, upright ─┬► resize + crop ─► convert to sRGB ─► on white: the square
                                            ├► resize ────────► convert to sRGB ─► on white: the thumbnails
                                            └► resize ────────► convert to sRGB ─► on white: the print

This module imports no heavy libraries except Pillow and NumPy, because every decoder process loads it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from common.errors import UndecodableImage
from common.images.cost.estimate import MAX_COST_S, check_cost, read_image_summary
from common.images.formats.detection import format_of
from common.images.truncation import with_missing_end
from common.prints import MAX_SIDE_PX, Print
from worker.decode.colour.colour_space import colour_source
from worker.decode.colour.conversion import ColourSource, Conversion, conversion_from
from worker.decode.image_parsers import BROKEN, open_image
from worker.decode.pixel_loading import load_samples, scaled_down
from worker.decode.png_metadata import without_metadata
from worker.decode.resampling import fit_longest_edge, resize_and_crop
from worker.decode.thumbnails import LARGEST_PX, encode_thumbnails, resize_to_largest

_WHITE = (255, 255, 255, 255)
#: The minimum size at which a JPEG is decoded for the model, as a multiple of the model's input size.
_MODEL_FACTOR = 2
#: Makes the print of an RGB picture, shape (height, width, 3), whose longest edge is at most `MAX_SIDE_PX`.
PrintMaker = Callable[[npt.NDArray[np.uint8]], Print]


@dataclass(frozen=True, slots=True)
class DecodedCover:
    """The model's square input, and the further parts that were wanted and could be made."""

    square: Image.Image
    #: WebP files, the smallest first.
    thumbnails: tuple[bytes, ...] = ()
    cover_print: Print | None = None


def decode_image(
    data: bytes, *, size_px: int, max_pixels: int, max_cost_s: float = MAX_COST_S
) -> Image.Image:
    """Return an RGB square: like `CLIPImageProcessor`, resize the shortest edge and crop the centre.

    As in a browser, orientation is applied, transparent pixels are drawn on white, colour spaces other than
    sRGB are converted, and 16-bit samples are scaled instead of clipped. Only the first frame of an animation
    is decoded.

    If you change the result for any file, increase
    `worker.decode.preprocessing_version.PREPROCESSING_VERSION`.

    Raises:
        UnsupportedImage: the file has none of the accepted formats, or is an unsupported variant.
        ImageTooManyPixels, ImageTooCostly: according to the headers, the image is too large or too slow to
            decode. UndecodableImage: the file cannot be decoded.
    """
    return _Parts(_check(data, max_pixels=max_pixels, max_cost_s=max_cost_s)).square(size_px)


def decode_cover(
    data: bytes,
    *,
    size_px: int,
    max_pixels: int,
    max_cost_s: float = MAX_COST_S,
    with_thumbnails: bool = False,
    make_print: PrintMaker | None = None,
) -> DecodedCover:
    """Return the square of `decode_image`, with the thumbnails and the print if they are wanted.

    Thumbnails or a print that cannot be made, for instance because they need too much memory, are left out.

    Raises:
        ImageError: the file cannot be decoded to a square; `decode_image` lists the subclasses.
    """
    parts = _Parts(_check(data, max_pixels=max_pixels, max_cost_s=max_cost_s))
    square = parts.square(size_px)
    thumbnails: tuple[bytes, ...] = ()
    cover_print = None
    # The print is made first, because it is usually made from the same samples as the square.
    with suppress(UndecodableImage):
        cover_print = None if make_print is None else parts.cover_print(make_print)
    with suppress(UndecodableImage):
        thumbnails = parts.thumbnails() if with_thumbnails else ()
    return DecodedCover(square, thumbnails, cover_print)


def decode_thumbnails(data: bytes, *, max_pixels: int, max_cost_s: float = MAX_COST_S) -> tuple[bytes, ...]:
    """Return a cover's thumbnails as WebP files, the smallest first.

    The thumbnails show the whole picture, with the orientation, colours and background of `decode_image`.

    Raises:
        ImageError: the file cannot be decoded; `decode_image` lists the subclasses.
    """
    return _Parts(_check(data, max_pixels=max_pixels, max_cost_s=max_cost_s)).thumbnails()


def decode_print(
    data: bytes, *, make_print: PrintMaker, max_pixels: int, max_cost_s: float = MAX_COST_S
) -> Print:
    """Return a cover's print, which is made from the whole picture as thumbnails are.

    Raises:
        ImageError: the file cannot be decoded; `decode_image` lists the subclasses.
    """
    return _Parts(_check(data, max_pixels=max_pixels, max_cost_s=max_cost_s)).cover_print(make_print)


class _Parts:
    """The parts of one file; a part reuses the decoded samples of the part before it if they are the same."""

    def __init__(self, file: "_CheckedFile") -> None:
        self._file = file
        self._unread: ImageFile.ImageFile | None = file.image
        self._samples: _Samples | None = None
        self._least_px = 0

    def square(self, size_px: int) -> Image.Image:
        with _decoding(self._file.image_format):
            return self._load(_MODEL_FACTOR * size_px).draw(partial(resize_and_crop, size_px=size_px))

    def thumbnails(self) -> tuple[bytes, ...]:
        with _decoding(self._file.image_format):
            return encode_thumbnails(self._load(LARGEST_PX).draw(resize_to_largest))

    def cover_print(self, make_print: PrintMaker) -> Print:
        with _decoding(self._file.image_format):
            picture = self._load(MAX_SIDE_PX).draw(partial(fit_longest_edge, size_px=MAX_SIDE_PX))
            return make_print(np.asarray(picture))

    def _load(self, least_px: int) -> "_Samples":
        if self._samples is None or not self._file.has_same_samples(self._least_px, least_px):
            # The samples before are released first, so that only one decoded picture is in memory.
            self._samples = None
            image, self._unread = self._unread or self._file.open(), None
            self._samples, self._least_px = self._file.load(image, least_px=least_px), least_px
        return self._samples


@dataclass(frozen=True, slots=True)
class _Samples:
    """Decoded samples: premultiplied (mode RGBa) if transparent, else in the mode that `conversion` reads."""

    image: Image.Image
    conversion: Conversion

    def draw(self, resize: Callable[[Image.Image], Image.Image]) -> Image.Image:
        """Return the resized image in sRGB on a white background."""
        if self.image.mode != "RGBa":
            return self.conversion.to_srgb(resize(self.image))
        seen = resize(self.image).convert("RGBA")
        colours = seen.convert("RGB") if self.conversion.mode == "RGB" else seen.getchannel(0)
        shown = self.conversion.to_srgb(colours)
        shown.putalpha(seen.getchannel("A"))
        return Image.alpha_composite(Image.new("RGBA", seen.size, _WHITE), shown).convert("RGB")


@dataclass(frozen=True, slots=True)
class _CheckedFile:
    """An opened file whose header declares an image of an accepted size and cost."""

    #: The file as Pillow parses it.
    data: bytes
    image_format: str
    image: ImageFile.ImageFile
    colours: ColourSource
    max_pixels: int

    def open(self) -> ImageFile.ImageFile:
        """Open the file again, because an opened image can be decoded only once."""
        return open_image(self.data, self.image_format, max_pixels=self.max_pixels)

    def load(self, image: ImageFile.ImageFile, *, least_px: int) -> _Samples:
        """Decode the samples; the shortest edge of a JPEG may be scaled down to at least `least_px`."""
        loaded = load_samples(image, self.data, self.image_format, least_px=least_px)
        conversion = conversion_from(self.colours, loaded.mode)
        if loaded.has_transparency_data:
            # Colours are premultiplied by alpha before resampling, so that the colours of transparent pixels
            # do not leak into visible pixels.
            premultiplied = loaded if loaded.mode == "RGBa" else loaded.convert("RGBA").convert("RGBa")
            return _Samples(premultiplied, conversion)
        plain = loaded if loaded.mode == conversion.mode else loaded.convert(conversion.mode)
        return _Samples(plain, conversion)

    def has_same_samples(self, one_px: int, other_px: int) -> bool:
        """Return whether `load` decodes the same samples for both values of `least_px`."""
        if self.image_format != "JPEG":
            return True
        return scaled_down(self.open(), one_px).size == scaled_down(self.open(), other_px).size


def _check(data: bytes, *, max_pixels: int, max_cost_s: float) -> _CheckedFile:
    image_format = format_of(data)
    summary = read_image_summary(data, image_format)
    data = with_missing_end(data, image_format)
    parsed = without_metadata(data) if image_format == "PNG" else data
    image = open_image(parsed, image_format, max_pixels=max_pixels)
    check_cost(summary, max_cost_s=max_cost_s)
    with _decoding(image_format):
        colours = colour_source(image, data, image_format)
    return _CheckedFile(parsed, image_format, image, colours, max_pixels)


@contextmanager
def _decoding(image_format: str) -> Iterator[None]:
    """Raise `UndecodableImage` if the body raises an error of a parser or decoder."""
    try:
        yield
    except MemoryError as error:
        raise UndecodableImage("the image needs more memory to decode than is allowed") from error
    except BROKEN as error:
        raise UndecodableImage(f"the {image_format} data does not decode; it may be cut short") from error
