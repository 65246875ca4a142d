"""Checks the format, size and estimated decoding cost of an uploaded image without decoding it."""

from common.errors import ImageTooManyPixels, UndecodableImage
from common.images.cost.estimate import MAX_COST_S, check_cost, read_image_summary
from common.images.formats import heif
from common.images.formats.detection import format_of
from common.images.truncation import with_missing_end


def check_image(data: bytes, *, max_pixels: int, max_cost_s: float = MAX_COST_S) -> float:
    """Check an image by its content, ignoring its file name and declared media type.

    Returns the estimated CPU seconds for decoding the image.

    Raises:
        UnsupportedImage: the image's format, or the variant of the format, is not supported.
        UndecodableImage: the header is broken, the image is empty, or the file is truncated.
        ImageTooManyPixels: the image's header declares more than `max_pixels` pixels.
        ImageTooCostly: decoding would take more than `max_cost_s` CPU seconds.
    """
    image_format = format_of(data)
    if image_format in {"HEIF", "AVIF"}:
        heif.check_pixels(data, max_pixels=max_pixels)
    summary = read_image_summary(data, image_format)
    width, height = summary.width, summary.height
    if width < 1 or height < 1:
        raise UndecodableImage(f"the {image_format} file has a broken header, or no pixels")
    if width * height > max_pixels:
        raise ImageTooManyPixels(
            f"the image is {width} by {height} pixels; {max_pixels} pixels in all are allowed"
        )
    check_cost(summary, max_cost_s=max_cost_s)
    with_missing_end(data, image_format)
    return summary.cost_s
