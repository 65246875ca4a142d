"""Decodes an uploaded file to the model's square input.

    check header ─► 8-bit samples, upright ─► resize + crop ─► convert to sRGB ─► on white

This module imports no heavy libraries except Pillow and NumPy, because every decoder process loads it.
"""

from PIL import Image

from common.errors import UndecodableImage
from common.images.cost.estimate import MAX_COST_S, check_cost, read_image_summary
from common.images.formats.detection import format_of
from common.images.truncation import with_missing_end
from worker.decode.colour.colour_space import colour_source
from worker.decode.colour.conversion import Conversion, conversion_from
from worker.decode.pillow_parsers import BROKEN, open_image
from worker.decode.pixel_loading import load_samples
from worker.decode.png_metadata import without_metadata
from worker.decode.resampling import resize_and_crop

_WHITE = (255, 255, 255, 255)


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
    image_format = format_of(data)
    summary = read_image_summary(data, image_format)
    data = with_missing_end(data, image_format)
    parsed = without_metadata(data) if image_format == "PNG" else data
    image = open_image(parsed, image_format, max_pixels=max_pixels)
    check_cost(summary, max_cost_s=max_cost_s)
    try:
        source = colour_source(image, data, image_format)
        loaded = load_samples(image, parsed, image_format, size_px=size_px)
        return _square(loaded, size_px, conversion_from(source, loaded.mode))
    except MemoryError as error:
        raise UndecodableImage("the image needs more memory to decode than is allowed") from error
    except BROKEN as error:
        raise UndecodableImage(f"the {image_format} data does not decode; it may be cut short") from error


def _square(image: Image.Image, size_px: int, conversion: Conversion) -> Image.Image:
    if not image.has_transparency_data:
        plain = image if image.mode == conversion.mode else image.convert(conversion.mode)
        return conversion.to_srgb(resize_and_crop(plain, size_px))
    # Colours are premultiplied by alpha before resampling, so that the colours of transparent pixels do not
    # leak into visible pixels.
    premultiplied = image if image.mode == "RGBa" else image.convert("RGBA").convert("RGBa")
    seen = resize_and_crop(premultiplied, size_px).convert("RGBA")
    colours = seen.convert("RGB") if conversion.mode == "RGB" else seen.getchannel(0)
    shown = conversion.to_srgb(colours)
    shown.putalpha(seen.getchannel("A"))
    return Image.alpha_composite(Image.new("RGBA", seen.size, _WHITE), shown).convert("RGB")
