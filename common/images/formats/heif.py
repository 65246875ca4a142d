"""The primary picture of a HEIF or AVIF file: its format, size, colours, crop and number of coded pixels."""

import struct
from dataclasses import dataclass
from fractions import Fraction

from common.errors import ImageTooManyPixels, UndecodableImage, UnsupportedImage
from common.images.formats.heif_coded_pictures import CodedPixels
from common.images.formats.heif_item_locations import Extent
from common.images.formats.heif_items import BROKEN, Items, read_items

#: The number of coded pixels may exceed the maximum number of pixels by this share, because tiles can extend
#: past the picture's edges. The tiles of a 48 megapixel picture add 3 % to its pixels.
_OVERHANG = 0.25
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
#: The format of a `clap` box, which contains four fractions: the crop's width and height, and the x and y
#: offset of its centre.
_CLAP = struct.Struct("!IIIIiIiI")
#: Prefixes of the auxiliary image types that identify an alpha plane.
_ALPHA_PLANES = (b"urn:mpeg:hevc:2015:auxid:1\0", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
#: Maps codecs to Pillow's format names.
_FORMATS = {b"hvc1": "HEIF", b"hev1": "HEIF", b"av01": "AVIF"}


@dataclass(frozen=True, slots=True)
class Picture:
    """The properties of the primary picture; width and height are those before rotation."""

    width: int
    height: int
    codec: bytes
    #: Number of pixels in the coded images that form the primary picture, or the declared number if that is
    #: larger.
    coded_pixels: int
    #: Number of pixels in the coded images that form the alpha plane.
    alpha_pixels: int
    #: Colour primaries and transfer characteristics (ITU-T H.273), or None if the file does not declare them.
    cicp: tuple[int, int] | None
    #: Left, top, right and bottom edge of the crop in pixels, or None if the whole picture is shown.
    crop: tuple[int, int, int, int] | None


def image_format(data: bytes) -> str | None:
    """Return Pillow's name for a file's format, or None if the file is neither HEIF nor AVIF.

    Raises:
        UnsupportedImage: the picture's codec is not supported.
        UndecodableImage: the boxes are broken.
    """
    if not _brands(data) & (_HEIF_BRANDS | _AVIF_BRANDS):
        return None
    codec = primary_picture(data).codec
    if codec not in _FORMATS:
        name = codec.decode("ascii", "replace").strip()
        raise UnsupportedImage(
            f"the file is HEIF, and its picture is coded as {name!r}; HEVC and AV1 are read: save it as JPEG"
        )
    return _FORMATS[codec]


def primary_picture(data: bytes) -> Picture:
    """Return the properties of the primary picture.

    Raises:
        UnsupportedImage: the file contains only an image sequence.
        UndecodableImage: the boxes are broken, or the file has too many boxes.
    """
    items = read_items(data)
    try:
        return _picture(items, data)
    except (struct.error, LookupError) as error:
        raise UndecodableImage(BROKEN) from error


def truncated_items(data: bytes, *, size_bytes: int) -> list[Extent]:
    """Return each extent that ends after `size_bytes` and is the only extent of an AV1 item.

    Raises:
        UndecodableImage, UnsupportedImage: as in `primary_picture`.
    """
    items = read_items(data)
    return [
        place.extents[0]
        for item, place in items.locations.items()
        if items.types.get(item) == b"av01"
        and len(place.extents) == 1
        and not place.is_in_idat
        and place.extents[0].start < size_bytes < place.extents[0].start + place.extents[0].length
    ]


def check_pixels(data: bytes, *, max_pixels: int) -> tuple[int, int]:
    """Check the number of coded pixels, and return the primary picture's width and height.

    Raises:
        ImageTooManyPixels: the coded pictures have more than 1.25 times `max_pixels` pixels.
        UndecodableImage, UnsupportedImage: as in `primary_picture`.
    """
    picture = primary_picture(data)
    coded_pixels = max(picture.coded_pixels, picture.alpha_pixels)
    if coded_pixels > max_pixels * (1 + _OVERHANG):
        raise ImageTooManyPixels(
            f"the image is made of pictures of {coded_pixels} pixels; {max_pixels} are allowed"
        )
    return picture.width, picture.height


def _brands(data: bytes) -> set[bytes]:
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4]), len(data), 1024)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}


def _picture(items: Items, data: bytes) -> Picture:
    width, height = _size(items, items.primary)
    leaves = items.coded_items([items.primary])
    planes = [item for each in {items.primary, *leaves} for item in _alpha_planes(items, each)]
    pixels = CodedPixels(data)
    return Picture(
        width=width,
        height=height,
        codec=items.types[leaves[0]],
        coded_pixels=sum(_coded_pixels(items, item, pixels) for item in leaves),
        alpha_pixels=sum(_coded_pixels(items, item, pixels) for item in items.coded_items(planes)),
        cicp=_cicp(items),
        crop=_crop(items, width, height),
    )


def _coded_pixels(items: Items, item: int, pixels: CodedPixels) -> int:
    width, height = _size(items, item)
    configuration = items.property_of(item, b"hvcC")
    place = items.locations.get(item)
    if place is None:
        return width * height
    extents = [
        (extent.start + (items.idat if place.is_in_idat else 0), extent.length) for extent in place.extents
    ]
    return pixels.of(items.types[item], extents, declared=width * height, configuration=configuration)


def _alpha_planes(items: Items, item: int) -> list[int]:
    found = items.auxiliaries.get(item, ())
    return [each for each in found if items.property_of(each, b"auxC")[4:].startswith(_ALPHA_PLANES)]


def _size(items: Items, item: int) -> tuple[int, int]:
    width, height = struct.unpack_from("!II", items.property_of(item, b"ispe"), 4)
    return width, height


def _cicp(items: Items) -> tuple[int, int] | None:
    for kind, content in items.properties_of(items.primary):
        if kind == b"colr" and content[:4] == b"nclx":
            primaries, transfer = struct.unpack_from("!HH", content, 4)
            return primaries, transfer
    return None


def _crop(items: Items, width: int, height: int) -> tuple[int, int, int, int] | None:
    content = items.property_of(items.primary, b"clap")
    if len(content) < _CLAP.size:
        return None
    numbers = _CLAP.unpack(content)
    if 0 in numbers[1::2]:
        return None
    across, down, right, below = map(Fraction, numbers[::2], numbers[1::2])
    left, top = (width - across) / 2 + right, (height - down) / 2 + below
    box = (left, top, left + across, top + down)
    # Like other programs, ignore a crop that extends past the picture or has fractional edges.
    is_inside = 0 <= left < box[2] <= width and 0 <= top < box[3] <= height
    if not is_inside or any(edge.denominator != 1 for edge in box):
        return None
    return int(box[0]), int(box[1]), int(box[2]), int(box[3])
