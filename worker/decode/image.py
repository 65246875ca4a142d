"""An uploaded file to the model's square input.

    header checked ─► samples of 8 bits, upright ─► resize + crop ─► to sRGB ─► on white

Imports nothing heavy but Pillow and NumPy, for this is what a decoder process runs.
"""

from PIL import Image

from common.errors import UndecodableImage
from common.images.cost.estimate import MAX_COST_S, check_cost, read_outline
from common.images.formats.detection import format_of
from common.images.truncation import with_missing_end
from worker.decode.colour import Conversion, conversion_from
from worker.decode.colour_source import colour_source
from worker.decode.opening import BROKEN, open_image
from worker.decode.resampling import resize_and_crop
from worker.decode.samples import load_samples

_WHITE = (255, 255, 255, 255)


def decode_image(
    data: bytes, *, size_px: int, max_pixels: int, max_cost_s: float = MAX_COST_S
) -> Image.Image:
    """Return the RGB square that `CLIPImageProcessor` would make: shortest edge by bicubic, centre crop.

    Differs where the file says more than its samples, as a browser would show it: orientation is applied,
    transparency lies on white, colours of another space than sRGB are converted, and samples of 16 bits are
    scaled and not clipped. Of an animation only the first frame is read, so that frames cost nothing.

    A change of what this returns for any file raises `worker.decode.version.PREPROCESSING_VERSION`.

    Raises:
        UnsupportedImage: none of the accepted formats, or a kind of one that is not read.
        ImageTooManyPixels, ImageTooCostly: by its header and markers, before anything is decoded.
        UndecodableImage: the bytes do not decode.
    """
    image_format = format_of(data)
    outline = read_outline(data, image_format)
    data = with_missing_end(data, image_format)
    image = open_image(data, image_format, max_pixels=max_pixels)
    check_cost(outline, max_cost_s=max_cost_s)
    try:
        source = colour_source(image, data, image_format)
        loaded = load_samples(image, data, image_format, size_px=size_px)
        return _square(loaded, size_px, conversion_from(source, loaded.mode))
    except MemoryError as error:
        raise UndecodableImage("the image needs more memory to decode than is allowed") from error
    except BROKEN as error:
        raise UndecodableImage(f"the {image_format} data does not decode; it may be cut short") from error


def _square(image: Image.Image, size_px: int, conversion: Conversion) -> Image.Image:
    if not image.has_transparency_data:
        plain = image if image.mode == conversion.mode else image.convert(conversion.mode)
        return conversion.to_srgb(resize_and_crop(plain, size_px))
    # resampled with premultiplied colours, so that those under full transparency do not bleed
    premultiplied = image if image.mode == "RGBa" else image.convert("RGBA").convert("RGBa")
    seen = resize_and_crop(premultiplied, size_px).convert("RGBA")
    colours = seen.convert("RGB") if conversion.mode == "RGB" else seen.getchannel(0)
    shown = conversion.to_srgb(colours)
    shown.putalpha(seen.getchannel("A"))
    return Image.alpha_composite(Image.new("RGBA", seen.size, _WHITE), shown).convert("RGB")
