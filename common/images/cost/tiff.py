"""The outline of a TIFF: its first directory, its strips or tiles, and what their compression takes."""

from dataclasses import dataclass
from itertools import zip_longest
from struct import Struct
from struct import error as struct_error

from common.errors import ImageTooCostly
from common.images.cost.jpeg import read_jpeg
from common.images.cost.outline import (
    ALPHA_PX_S,
    BARREN_BYTE_S,
    COLOUR_PX_S,
    DIRECTORY_ENTRY_S,
    GREY_16_PX_S,
    GREY_PX_S,
    INKS_PX_S,
    PARTS_MAX,
    TURN_PX_S,
    Outline,
    check_parts,
)

_HEADER_BYTES, _COUNT_BYTES, _ENTRY_BYTES, _VALUE_BYTES = 8, 2, 12, 4
#: Bytes of a value of each type: from BYTE to DOUBLE, IFD, and BigTIFF's.
_TYPE_BYTES = {
    **dict.fromkeys((1, 2, 6, 7), 1),
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
#: Bytes and code of the types that count something: BYTE, SHORT, LONG.
_TYPES = {1: (1, "B"), 3: (2, "H"), 4: (4, "I")}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _EXTRA_SAMPLES, _ORIENTATION = 277, 338, 274
_STRIP_OFFSETS, _STRIP_SIZES, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_SIZES = (
    273,
    279,
    322,
    323,
    324,
    325,
)
_RAW, _OLD_JPEG, _JPEG, _PACKBITS, _LZMA = 1, 6, 7, 32773, 34925
_FAXES = frozenset({2, 3, 4, 32771})
_CMYK, _LAB, _RGB = 5, 8, 2
_BYTE_BITS = 8
#: Of a file: a strip that ends further past it has a wrong size.
_WRONG_SHARE = 0.01

#: Seconds for a byte that a compression makes, and for one that it reads.
_PRICES_S = {
    _RAW: (1e-9, 2e-9),
    _PACKBITS: (2e-9, 5e-9),
    _LZMA: (20e-9, 80e-9),
    **dict.fromkeys(_FAXES, (50e-9, 20e-9)),
}
#: Of deflate, LZW, Zstandard and what else there is.
_DEFAULT_PRICES_S = (4.5e-9, 20e-9)
#: A strip or tile, and a tag beside each other tag: libtiff sorts in each one that it does not know.
_PART_S, _TAG_PAIR_S = 1.5e-6, 25e-9
#: A byte of a tag's values, which Pillow and libtiff copy.
_VALUE_BYTE_S = 4e-9
#: Values that lie apart have no more bytes than the file; twice as many are shared by many tags.
_VALUES_MAX_SHARE = 2


@dataclass(frozen=True, slots=True)
class _Directory:
    """The first directory of a file."""

    data: bytes
    order: str
    #: Type, count and place of each tag's values.
    tags: dict[int, tuple[int, int, int]]
    #: Of all values that do not lie in the directory itself, also where several tags have the same.
    values_bytes: int

    def count(self, tag: int) -> int:
        """Return how many values a tag has in the file."""
        kind, count, at = self.tags.get(tag, (0, 0, 0))
        size, _ = _TYPES.get(kind, (1, ""))
        return min(count, max(len(self.data) - at, 0) // size)

    def values(self, tag: int, most: int) -> tuple[int, ...]:
        """Return the first values of a tag, none where it has none that count something."""
        kind, _, at = self.tags.get(tag, (0, 0, 0))
        count = min(self.count(tag), most)
        if kind not in _TYPES or not count:
            return ()
        return Struct(f"{self.order}{count}{_TYPES[kind][1]}").unpack_from(self.data, at)

    def value(self, tag: int, default: int) -> int:
        """Return the first value of a tag."""
        return next(iter(self.values(tag, 1)), default)


def read_tiff(data: bytes) -> Outline:
    """Return the outline of a TIFF.

    Raises:
        ImageTooCostly: it has too many tags to look at, or strips that share their bytes many times over.
    """
    try:
        directory = _read_directory(data)
    except struct_error:
        return Outline()
    width, height = directory.value(_WIDTH, 0), directory.value(_HEIGHT, 0)
    if not width or not height:
        return Outline()
    compression = directory.value(_COMPRESSION, _RAW)
    offsets, sizes = _parts_tags(directory)
    parts = max(directory.count(offsets), directory.count(sizes))
    cost_s = _unpacking_s(directory, compression, width, height) + parts * _PART_S + _tags_s(directory)
    turn_s = TURN_PX_S if directory.value(_ORIENTATION, 1) != 1 else 0.0
    cost_s += width * height * (_pixel_s(directory) + turn_s)
    if compression in {_OLD_JPEG, _JPEG}:
        cost_s += _jpegs_s(directory, offsets, sizes)
    return Outline(width, height, cost_s=cost_s)


def declared_tiff_bytes(data: bytes) -> int:
    """Return how many bytes the file must have for its strips or tiles, zero where it has none to speak of.

    Strips that end far past the file are taken for a wrong size, which libtiff can live with.
    """
    try:
        directory = _read_directory(data)
    except (struct_error, ImageTooCostly):
        return 0
    offsets, sizes = _parts_tags(directory)
    places, lengths = (directory.values(tag, PARTS_MAX) for tag in (offsets, sizes))
    ends = (at + length for at, length in zip(places, lengths, strict=False))
    declared = max(ends, default=0)
    return declared if declared * (1 - _WRONG_SHARE) <= len(data) else 0


def _parts_tags(directory: _Directory) -> tuple[int, int]:
    """Return the tags of the places and sizes of tiles or, where there are none, of strips."""
    if _TILE_OFFSETS in directory.tags:
        return _TILE_OFFSETS, _TILE_SIZES
    return _STRIP_OFFSETS, _STRIP_SIZES


def _read_directory(data: bytes) -> _Directory:
    order = "<" if data.startswith(b"II") else ">"
    (place,) = Struct(order + "I").unpack_from(data, _HEADER_BYTES - _VALUE_BYTES)
    (entries,) = Struct(order + "H").unpack_from(data, place)
    begin = place + _COUNT_BYTES
    whole = min(entries, (len(data) - begin) // _ENTRY_BYTES)
    check_parts(whole, "tags")
    entry, offset = Struct(order + "HHI"), Struct(order + "I")
    tags: dict[int, tuple[int, int, int]] = {}
    values_bytes = 0
    for at in range(begin, begin + whole * _ENTRY_BYTES, _ENTRY_BYTES):
        tag, kind, count = entry.unpack_from(data, at)
        size = _TYPE_BYTES.get(kind, 1)
        value_at = at + entry.size
        if size * count > _VALUE_BYTES:
            (value_at,) = offset.unpack_from(data, value_at)
            values_bytes += min(size * count, max(len(data) - value_at, 0))
        tags.setdefault(tag, (kind, count, value_at))
    if values_bytes > _VALUES_MAX_SHARE * len(data):
        raise ImageTooCostly("the tags of the TIFF share their values many times over")
    return _Directory(data, order, tags, values_bytes)


def _tags_s(directory: _Directory) -> float:
    tags = len(directory.tags)
    return tags * DIRECTORY_ENTRY_S + tags**2 * _TAG_PAIR_S + directory.values_bytes * _VALUE_BYTE_S


def _unpacking_s(directory: _Directory, compression: int, width: int, height: int) -> float:
    """Return what unpacking every strip or tile takes; many of them may lie at the same place."""
    made_bytes, read_bytes = _made_bytes(directory, width, height), _read_bytes(directory)
    made_s, read_s = _PRICES_S.get(compression, _DEFAULT_PRICES_S)
    useful = min(read_bytes, made_bytes)
    # What is read beyond what is made is blocks without data, or is skipped.
    barren_s = (read_bytes - useful) * (read_s if compression == _RAW else BARREN_BYTE_S)
    return made_bytes * made_s + useful * read_s + barren_s


def _read_bytes(directory: _Directory) -> int:
    """Return how many bytes the strips or tiles have together, and at least those of the file."""
    data = directory.data
    offsets, sizes = _parts_tags(directory)
    places = directory.values(offsets, directory.count(offsets))
    lengths = directory.values(sizes, directory.count(sizes))
    # A part without a size may go on to the end of the file.
    pairs = zip_longest(places, lengths[: len(places)], fillvalue=len(data))
    return max(len(data), sum(min(length, max(len(data) - at, 0)) for at, length in pairs))


def _made_bytes(directory: _Directory, width: int, height: int) -> int:
    """Return how many bytes the strips or tiles unpack to; tiles are whole, also where the picture ends."""
    bits = max(directory.values(_BITS, 1), default=1) * directory.value(_SAMPLES, 1)
    if _TILE_OFFSETS in directory.tags:
        across, down = (
            max(directory.value(_TILE_WIDTH, width), 1),
            max(directory.value(_TILE_HEIGHT, height), 1),
        )
        width, height = -(-width // across) * across, -(-height // down) * down
    return height * -(-width * bits // _BYTE_BITS)


def _pixel_s(directory: _Directory) -> float:
    samples, photometric = directory.value(_SAMPLES, 1), directory.value(_PHOTOMETRIC, 0)
    bits = directory.value(_BITS, 1)
    if directory.count(_EXTRA_SAMPLES) or photometric == _LAB:
        return ALPHA_PX_S
    if photometric == _CMYK:
        return INKS_PX_S
    if samples == 1 and photometric < _RGB and bits > 1:
        return GREY_16_PX_S if bits > _BYTE_BITS else GREY_PX_S
    return COLOUR_PX_S


def _jpegs_s(directory: _Directory, offsets: int, sizes: int) -> float:
    """Return what the scans of the JPEGs take that the strips or tiles are."""
    data = directory.data
    check_parts(directory.count(offsets), "JPEGs")
    places = directory.values(offsets, directory.count(offsets))
    lengths = directory.values(sizes, directory.count(sizes))
    seen: dict[tuple[int, int], float] = {}
    total_s, read_bytes = 0.0, 0
    for at, length in zip(places, lengths, strict=False):
        if (at, length) not in seen:
            read_bytes += length
            if read_bytes > 2 * len(data):
                raise ImageTooCostly("the strips of the TIFF share their bytes many times over")
            seen[at, length] = read_jpeg(data[at : at + length]).cost_s
        total_s += seen[at, length]
    return total_s
