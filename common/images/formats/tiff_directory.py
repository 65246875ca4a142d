"""Reads the fields of a TIFF's first directory (TIFF 6.0); refuses repeated and incomplete fields."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from common.errors import ImageTooCostly, UndecodableImage


class Tag(IntEnum):
    """The fields that are read."""

    SUBFILE_TYPE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    STRIP_SIZES = 279
    PLANAR = 284
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_SIZES = 325
    SUB_DIRECTORIES = 330
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    DNG_VERSION = 50706


#: Fields that affect the samples, the layout and the cost. If a field occurs twice, libtiff reads its first
#: occurrence, and Pillow reads the last.
_SINGLE = frozenset(Tag) - {Tag.SUBFILE_TYPE, Tag.SUB_DIRECTORIES, Tag.DNG_VERSION}
#: Fields of `_SINGLE` whose values are allowed to be missing from a truncated file.
_MAY_BE_CUT = frozenset(
    {Tag.STRIP_OFFSETS, Tag.STRIP_SIZES, Tag.TILE_OFFSETS, Tag.TILE_SIZES, Tag.ORIENTATION}
)
#: Maps each field type (BYTE to DOUBLE, IFD, and BigTIFF's types) to the size in bytes of one value.
_TYPE_BYTES = {
    **dict.fromkeys((1, 2, 6, 7), 1),
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
#: The struct format characters of the field types that libtiff or Pillow reads as integers (BYTE, SBYTE,
#: SHORT, SSHORT, LONG, SLONG, IFD, LONG8, SLONG8).
_INTEGERS = {1: "B", 6: "b", 3: "H", 8: "h", 4: "I", 9: "i", 13: "I", 16: "Q", 17: "q"}
_SIGNED = frozenset({6, 8, 9, 17})
_START_AT, _COUNT_BYTES, _VALUE_BYTES = 4, 2, 4
#: Maximum number of fields of a directory; cameras write some dozens.
_ENTRIES_MAX = 4096
#: A pixel has at most 8 samples.
SAMPLES_MAX = 8
#: Maximum total size of all values, relative to the file size. The total size of values that do not overlap
#: is less than the file size, so a total of more than twice the file size means that many tags share one
#: value.
_VALUES_MAX_SHARE = 2


@dataclass(frozen=True, slots=True)
class Directory:
    """The first directory of a TIFF file."""

    data: bytes
    order: str
    #: Type, count and offset of each tag's values.
    tags: dict[int, tuple[int, int, int]]
    #: Total size in bytes of the values outside the directory; a value that several tags share counts for
    #: each tag.
    values_bytes: int

    def count(self, tag: int) -> int:
        """Return the number of values of a tag that are inside the file."""
        kind, count, at = self.tags.get(tag, (0, 0, 0))
        return min(count, max(len(self.data) - at, 0) // _TYPE_BYTES.get(kind, 1))

    def values(self, tag: int, most: int = SAMPLES_MAX) -> tuple[int, ...]:
        """Return up to `most` values of an integer tag, else none; negative values become zero."""
        kind, _, at = self.tags.get(tag, (0, 0, 0))
        count = min(self.count(tag), most)
        if kind not in _INTEGERS or not count:
            return ()
        read = struct.unpack_from(f"{self.order}{count}{_INTEGERS[kind]}", self.data, at)
        return tuple(max(value, 0) for value in read) if kind in _SIGNED else read

    def value(self, tag: int, default: int) -> int:
        """Return the first value of a tag, or the default."""
        return next(iter(self.values(tag, 1)), default)


def read_directory(data: bytes) -> Directory:
    """Return the first directory of a TIFF.

    Raises:
        ImageTooCostly: many tags share one value.
        UndecodableImage: the directory is broken or has too many fields, or a field that must be unique
        occurs twice.
    """
    try:
        return _read(data)
    except struct.error as error:
        raise UndecodableImage("the file begins like TIFF but its header is broken") from error


def _read(data: bytes) -> Directory:
    order = "<" if data.startswith(b"II") else ">"
    entry, offset = struct.Struct(order + "HHI"), struct.Struct(order + "I")
    (start,) = offset.unpack_from(data, _START_AT)
    (entries,) = struct.unpack_from(order + "H", data, start)
    if entries > _ENTRIES_MAX:
        raise UndecodableImage("the image's header is too long")
    tags: dict[int, tuple[int, int, int]] = {}
    values_bytes, at = 0, start + _COUNT_BYTES
    for _ in range(entries):
        tag, kind, count = entry.unpack_from(data, at)
        size_bytes, value_at = _TYPE_BYTES.get(kind, 1) * count, at + entry.size
        (place,) = offset.unpack_from(data, value_at)
        if size_bytes > _VALUE_BYTES:
            value_at = place
            values_bytes += min(size_bytes, max(len(data) - value_at, 0))
        if tag in tags and tag in _SINGLE:
            raise UndecodableImage(f"the TIFF file has the field {tag} twice")
        tags.setdefault(tag, (kind, count, value_at))
        at += entry.size + _VALUE_BYTES
    directory = Directory(data, order, tags, values_bytes)
    _check_values(directory)
    return directory


def _check_values(directory: Directory) -> None:
    if directory.values_bytes > _VALUES_MAX_SHARE * len(directory.data):
        raise ImageTooCostly("the tags of the TIFF share their values many times over")
    for tag in _SINGLE - _MAY_BE_CUT & directory.tags.keys():
        if directory.count(tag) < min(directory.tags[tag][1], SAMPLES_MAX):
            raise UndecodableImage("the file begins like TIFF but its header is broken")
