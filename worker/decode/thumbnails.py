"""Makes the thumbnails of a cover: WebP files without metadata, in sRGB, never larger than the cover.

A smaller thumbnail is made from the next larger one, which costs less than resizing the whole cover again.
"""

from io import BytesIO

from PIL import Image

from common.thumbnails import SIZES_PX
from worker.decode.resampling import fit_longest_edge

LARGEST_PX = max(SIZES_PX)
#: libwebp's quality from 0 to 100, and the effort of its encoder from 0 to 6. The default effort of 4 takes
#: twice the time of effort 2, and saves 3 % of the bytes.
_QUALITY, _EFFORT = 80, 2


def resize_to_largest(image: Image.Image) -> Image.Image:
    """Return the whole image, reduced to the size of the largest thumbnail; never enlarge an image."""
    return fit_longest_edge(image, LARGEST_PX)


def encode_thumbnails(largest: Image.Image) -> tuple[bytes, ...]:
    """Return one WebP file for each of `SIZES_PX`; an image smaller than a size is not enlarged.

    `largest` is an RGB image that `resize_to_largest` returned.
    """
    made: dict[tuple[int, int], bytes] = {}
    files = []
    image = largest
    for size_px in sorted(SIZES_PX, reverse=True):
        image = fit_longest_edge(image, size_px)
        if image.size not in made:
            made[image.size] = _webp(image)
        files.append(made[image.size])
    return tuple(reversed(files))


def _webp(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "WEBP", quality=_QUALITY, method=_EFFORT)
    return file.getvalue()
