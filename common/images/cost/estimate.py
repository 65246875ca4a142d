"""The outline of every accepted format, and whether decoding it takes more CPU than one file may."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from common.errors import ImageTooCostly
from common.images.cost.bmp import read_bmp
from common.images.cost.gif import read_gif
from common.images.cost.heif import read_heif
from common.images.cost.jpeg import read_jpeg
from common.images.cost.outline import Outline
from common.images.cost.png import read_png
from common.images.cost.tiff import read_tiff
from common.images.cost.webp import read_webp

#: How to read the outline of each format, by the name that Pillow has for it.
READERS: Mapping[str, Callable[[bytes], Outline]] = MappingProxyType(
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
#: What one file may take unless DECODE_CPU_S says otherwise.
MAX_COST_S = 2.0


def read_outline(data: bytes, image_format: str) -> Outline:
    """Return what the header and the markers of a file say; what is broken is not judged here.

    Raises:
        ImageTooCostly: the file is made of too many parts to look at.
    """
    return READERS[image_format](data)


def check_cost(outline: Outline, *, max_cost_s: float) -> None:
    """Refuse a file that would take more CPU to decode than one file may.

    Raises:
        ImageTooCostly
    """
    if outline.cost_s > max_cost_s:
        raise ImageTooCostly(
            f"decoding the image would take about {outline.cost_s:.1f} s of CPU and {max_cost_s:g} s are "
            "allowed: send it with fewer pixels, or as a plain JPEG"
        )
