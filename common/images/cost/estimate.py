"""Estimates the CPU time for decoding an image file, and checks the estimate against the allowed time."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from common.errors import ImageTooCostly
from common.images.cost.bmp import read_bmp
from common.images.cost.gif import read_gif
from common.images.cost.heif import read_heif
from common.images.cost.jpeg import read_jpeg
from common.images.cost.png import read_png
from common.images.cost.tiff import read_tiff
from common.images.cost.unit_costs import ImageSummary
from common.images.cost.webp import read_webp

#: Maps Pillow's format names to the functions that read a file's summary.
READERS: Mapping[str, Callable[[bytes], ImageSummary]] = MappingProxyType(
    {
        "JPEG": read_jpeg,
        "PNG": read_png,
        "WEBP": read_webp,
        "GIF": read_gif,
        "BMP": read_bmp,
        "TIFF": read_tiff,
        "HEIF": read_heif,
        "AVIF": read_heif,
    }
)
#: Default of the setting DECODE_CPU_S: the maximum CPU time for decoding one file, in seconds.
MAX_COST_S = 2.0


def read_image_summary(data: bytes, image_format: str) -> ImageSummary:
    """Return the size and estimated decoding cost of a file; for most broken files, no error is raised.

    Raises:
        ImageTooCostly: the file has too many parts, such as segments or chunks.
        UndecodableImage, UnsupportedImage: the file is broken, or its format is not supported.
    """
    return READERS[image_format](data)


def check_cost(summary: ImageSummary, *, max_cost_s: float) -> None:
    """Raise an error if decoding a file is estimated to take more CPU time than allowed.

    Raises:
        ImageTooCostly
    """
    if summary.cost_s > max_cost_s:
        raise ImageTooCostly(
            f"decoding the image would take about {summary.cost_s:.1f} s of CPU and {max_cost_s:g} s are "
            "allowed: send it with fewer pixels, or as a plain JPEG"
        )
