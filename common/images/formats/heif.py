"""The primary picture of a HEIF or AVIF file, read from its boxes (ISO/IEC 14496-12, 23008-12).

- `ftyp` contains the brands, and `meta` contains all other boxes of this list.
- `pitm` contains the id of the primary item.
- `iinf` contains the type of each item: hvc1, av01, or a derived image (grid, iden, iovl).
- `iloc` contains the location of each item's data.
- `iref` lists the items of each derived image (`dimg`) and the main picture of each auxiliary one (`auxl`).
- `iprp` contains the properties `ispe` (size), `colr` (colour) and `clap` (crop), and assigns them to items.

The format does not limit the number of boxes, so files with more than `_ENTRIES_MAX` boxes are refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice

from common.errors import ImageTooManyPixels, UndecodableImage, UnsupportedImage
from common.images.formats.heif_coded_pictures import CodedPixels
from common.images.formats.heif_item_locations import Extent, Location, read_iloc

#: Maximum number of boxes, items, references and associations together; a tiled image of 48 megapixels has
#: about 1,000.
_ENTRIES_MAX = 20_000
#: Maximum nesting depth of derived images; most files have a depth of one (a grid of tiles).
_LEVELS_MAX = 4
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
_BROKEN = "the file begins like HEIF or AVIF but its header is broken"
#: The maximum number of bytes to read from one property.
_PROPERTY_BYTES = 64
#: Prefixes of the auxiliary image types that identify an alpha plane.
_ALPHA_PLANES = (b"urn:mpeg:hevc:2015:auxid:1\0", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
_DERIVED = frozenset({b"grid", b"iden", b"iovl"})
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
    reader = _Reader(data)
    try:
        boxes = {box.kind: box for box in reader.boxes(0, len(data))}
        if b"meta" not in boxes and b"moov" in boxes:
            raise UnsupportedImage(
                "the file has a sequence of pictures and no still one; send one as JPEG or PNG"
            )
        return reader.items(boxes[b"meta"]).picture(data)
    except (struct.error, LookupError) as error:
        raise UndecodableImage(_BROKEN) from error


def truncated_items(data: bytes, *, size_bytes: int) -> list[Extent]:
    """Return each extent that ends after `size_bytes` and is the only extent of an AV1 item.

    Raises:
        UndecodableImage: the boxes are broken.
    """
    reader = _Reader(data)
    try:
        boxes = {box.kind: box for box in reader.boxes(0, len(data))}
        items = reader.items(boxes[b"meta"])
    except (struct.error, LookupError) as error:
        raise UndecodableImage(_BROKEN) from error
    places = (items.locations[item] for item, kind in items.types.items() if kind == b"av01")
    return [
        place.extents[0]
        for place in places
        if len(place.extents) == 1
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


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int


@dataclass(slots=True)
class _Items:
    """The items of a HEIF or AVIF file, and the properties of these items."""

    primary: int = -1
    types: dict[int, bytes] = field(default_factory=dict)
    inputs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    associations: dict[int, list[int]] = field(default_factory=dict)
    #: Maps a picture's id to the ids of its auxiliary items.
    auxiliaries: dict[int, list[int]] = field(default_factory=dict)
    locations: dict[int, Location] = field(default_factory=dict)
    #: The offset of the box `idat`, which contains the data of some items.
    idat: int = 0

    def picture(self, data: bytes) -> Picture:
        width, height = self._size(self.primary)
        leaves = self._leaves([self.primary])
        planes = [item for each in {self.primary, *leaves} for item in self._alpha_planes(each)]
        pixels = CodedPixels(data)
        return Picture(
            width=width,
            height=height,
            codec=self.types[leaves[0]],
            coded_pixels=sum(self._coded_pixels(item, pixels) for item in leaves),
            alpha_pixels=sum(self._coded_pixels(item, pixels) for item in self._leaves(planes)),
            cicp=self._cicp(),
            crop=self._crop(width, height),
        )

    def _coded_pixels(self, item: int, pixels: CodedPixels) -> int:
        width, height = self._size(item)
        configuration = self._property(item, b"hvcC")
        place = self.locations.get(item)
        if place is None:
            return width * height
        extents = [
            (extent.start + (self.idat if place.is_in_idat else 0), extent.length) for extent in place.extents
        ]
        return pixels.of(self.types[item], extents, declared=width * height, configuration=configuration)

    def _alpha_planes(self, item: int) -> list[int]:
        found = self.auxiliaries.get(item, ())
        return [each for each in found if self._property(each, b"auxC")[4:].startswith(_ALPHA_PLANES)]

    def _leaves(self, roots: list[int]) -> list[int]:
        leaves = roots
        for _ in range(_LEVELS_MAX):
            if not any(self.types[item] in _DERIVED for item in leaves):
                return leaves
            parts = chain.from_iterable(map(self._parts, leaves))
            leaves = list(islice(parts, _ENTRIES_MAX + 1))
            if not leaves or len(leaves) > _ENTRIES_MAX:
                break
        raise UndecodableImage("the picture's parts refer to each other in a circle, or to too many others")

    def _parts(self, item: int) -> tuple[int, ...]:
        return self.inputs.get(item, ()) if self.types[item] in _DERIVED else (item,)

    def _size(self, item: int) -> tuple[int, int]:
        width, height = struct.unpack_from("!II", self._property(item, b"ispe"), 4)
        return width, height

    def _cicp(self) -> tuple[int, int] | None:
        for kind, content in self._properties_of(self.primary):
            if kind == b"colr" and content[:4] == b"nclx":
                primaries, transfer = struct.unpack_from("!HH", content, 4)
                return primaries, transfer
        return None

    def _crop(self, width: int, height: int) -> tuple[int, int, int, int] | None:
        content = self._property(self.primary, b"clap")
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

    def _property(self, item: int, wanted: bytes) -> bytes:
        return next((content for kind, content in self._properties_of(item) if kind == wanted), b"")

    def _properties_of(self, item: int) -> Iterator[tuple[bytes, bytes]]:
        # Property numbers start at 1; 0 means no property.
        for number in self.associations.get(item, ()):
            if 0 < number <= len(self.properties):
                yield self.properties[number - 1]


class _Reader:
    """A reader of boxes that raises `UndecodableImage` if a file has too many boxes or entries."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._entries_left = _ENTRIES_MAX

    def boxes(self, start: int, end: int) -> Iterator[_Box]:
        """Yield the boxes between two offsets; a box that extends past `end` is truncated there."""
        while start + 8 <= end:
            self._count()
            size, kind = struct.unpack_from("!I4s", self._data, start)
            content = start + 8
            if size == 1:
                (size,) = struct.unpack_from("!Q", self._data, content)
                content += 8
            length = size or end - start
            if length < content - start:
                raise UndecodableImage("the file has a box that is shorter than its own header")
            yield _Box(kind, content, min(start + length, end))
            start += length

    def items(self, meta: _Box) -> _Items:
        items = _Items()
        readers = {
            b"pitm": self._pitm,
            b"iinf": self._iinf,
            b"iloc": self._iloc,
            b"idat": self._idat,
            b"iref": self._iref,
            b"iprp": self._iprp,
        }
        for box in self.boxes(meta.start + 4, meta.end):
            if box.kind in readers:
                readers[box.kind](box, items)
        return items

    def _count(self, entries: int = 1) -> None:
        self._entries_left -= entries
        if self._entries_left < 0:
            raise UndecodableImage("the image's header is too long")

    def _version_flags(self, box: _Box) -> tuple[int, int]:
        (word,) = struct.unpack_from("!I", self._data, box.start)
        return word >> 24, word & 0xFFFFFF

    def _pitm(self, box: _Box, items: _Items) -> None:
        version, _ = self._version_flags(box)
        (items.primary,) = struct.unpack_from("!I" if version else "!H", self._data, box.start + 4)

    def _iinf(self, box: _Box, items: _Items) -> None:
        version, _ = self._version_flags(box)
        for entry in self.boxes(box.start + (8 if version else 6), box.end):
            if entry.kind == b"infe":
                form = "!I2x4s" if self._version_flags(entry)[0] >= 3 else "!H2x4s"  # noqa: PLR2004
                item, kind = struct.unpack_from(form, self._data, entry.start + 4)
                items.types[item] = kind

    def _iloc(self, box: _Box, items: _Items) -> None:
        items.locations = read_iloc(self._data, box.start, count=self._count)

    def _idat(self, box: _Box, items: _Items) -> None:
        items.idat = box.start

    def _iref(self, box: _Box, items: _Items) -> None:
        version, _ = self._version_flags(box)
        identifier, size = ("I", 4) if version else ("H", 2)
        for reference in self.boxes(box.start + 4, box.end):
            if reference.kind in {b"dimg", b"auxl"}:
                item, count = struct.unpack_from(f"!{identifier}H", self._data, reference.start)
                self._count(count)
                parts = struct.unpack_from(f"!{count}{identifier}", self._data, reference.start + size + 2)
                if reference.kind == b"dimg":
                    items.inputs[item] = parts
                    continue
                for part in parts:
                    items.auxiliaries.setdefault(part, []).append(item)

    def _iprp(self, box: _Box, items: _Items) -> None:
        for child in self.boxes(box.start, box.end):
            if child.kind == b"ipco":
                items.properties += (
                    (kept.kind, self._data[kept.start : min(kept.end, kept.start + _PROPERTY_BYTES)])
                    for kept in self.boxes(child.start, child.end)
                )
            elif child.kind == b"ipma":
                self._ipma(child, items)

    def _ipma(self, box: _Box, items: _Items) -> None:
        version, flags = self._version_flags(box)
        (count,) = struct.unpack_from("!I", self._data, box.start + 4)
        at = box.start + 8
        head = struct.Struct("!IB" if version else "!HB")
        number, mask = (struct.Struct("!H"), 0x7FFF) if flags & 1 else (struct.Struct("!B"), 0x7F)
        for _ in range(count):
            item, associated = head.unpack_from(self._data, at)
            at += head.size
            self._count(1 + associated)
            for _ in range(associated):
                items.associations.setdefault(item, []).append(number.unpack_from(self._data, at)[0] & mask)
                at += number.size
