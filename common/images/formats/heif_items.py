"""The items of a HEIF or AVIF file, read from its boxes (ISO/IEC 14496-12, 23008-12).

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
from itertools import chain, islice

from common.errors import UndecodableImage, UnsupportedImage
from common.images.formats.heif_item_locations import Location, read_iloc

#: Maximum number of boxes, items, references and associations together; a tiled image of 48 megapixels has
#: about 1,000.
_ENTRIES_MAX = 20_000
#: Maximum nesting depth of derived images; most files have a depth of one (a grid of tiles).
_LEVELS_MAX = 4
#: The maximum number of bytes to read from one property.
_PROPERTY_BYTES = 64
#: The message about a file whose boxes cannot be read.
BROKEN = "the file begins like HEIF or AVIF but its header is broken"
_DERIVED = frozenset({b"grid", b"iden", b"iovl"})


@dataclass(slots=True)
class Items:
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

    def coded_items(self, roots: list[int]) -> list[int]:
        """Return the items that are coded pictures and form the items in `roots`.

        Raises:
            UndecodableImage: derived images are nested too deeply, or have too many parts.
        """
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

    def property_of(self, item: int, wanted: bytes) -> bytes:
        """Return the content of an item's first property of a kind, or no bytes if there is none."""
        return next((content for kind, content in self.properties_of(item) if kind == wanted), b"")

    def properties_of(self, item: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the kind and the content of each property of an item."""
        # Property numbers start at 1; 0 means no property.
        for number in self.associations.get(item, ()):
            if 0 < number <= len(self.properties):
                yield self.properties[number - 1]


def read_items(data: bytes) -> Items:
    """Return the items of a file.

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
        return reader.items(boxes[b"meta"])
    except (struct.error, LookupError) as error:
        raise UndecodableImage(BROKEN) from error


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int


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

    def items(self, meta: _Box) -> Items:
        items = Items()
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

    def _pitm(self, box: _Box, items: Items) -> None:
        version, _ = self._version_flags(box)
        (items.primary,) = struct.unpack_from("!I" if version else "!H", self._data, box.start + 4)

    def _iinf(self, box: _Box, items: Items) -> None:
        version, _ = self._version_flags(box)
        for entry in self.boxes(box.start + (8 if version else 6), box.end):
            if entry.kind == b"infe":
                form = "!I2x4s" if self._version_flags(entry)[0] >= 3 else "!H2x4s"  # noqa: PLR2004
                item, kind = struct.unpack_from(form, self._data, entry.start + 4)
                items.types[item] = kind

    def _iloc(self, box: _Box, items: Items) -> None:
        items.locations = read_iloc(self._data, box.start, count=self._count)

    def _idat(self, box: _Box, items: Items) -> None:
        items.idat = box.start

    def _iref(self, box: _Box, items: Items) -> None:
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

    def _iprp(self, box: _Box, items: Items) -> None:
        for child in self.boxes(box.start, box.end):
            if child.kind == b"ipco":
                items.properties += (
                    (kept.kind, self._data[kept.start : min(kept.end, kept.start + _PROPERTY_BYTES)])
                    for kept in self.boxes(child.start, child.end)
                )
            elif child.kind == b"ipma":
                self._ipma(child, items)

    def _ipma(self, box: _Box, items: Items) -> None:
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
