"""Finds the sizes of a Parquet file's pages, because pyarrow reads a page as a whole, however large it is.

A page's size is in the header before the page, in the compact protocol of Thrift
(https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

#: The field ids of a page header, and of the headers of the kinds of pages in it.
_UNPACKED_BYTES, _PACKED_BYTES, _DATA, _DICTIONARY, _DATA_V2 = 2, 3, 5, 7, 8
_NUM_VALUES = 1
#: The bytes in memory for each value of a list, which takes less than a bit if all values are equal.
_VALUE_BYTES = 8
#: A page header has three levels of structures.
_DEPTH_MAX = 8
_VARINT_MAX_BYTES = 10
#: The maximum size in bytes of a text in a page header, such as the least value of the page.
_TEXT_MAX_BYTES = 1 << 30


class DamagedPage(ValueError):
    """A page header cannot be read."""


@dataclass(frozen=True, slots=True)
class ColumnPages:
    """The largest page of a column in a row group, and the number of elements if the column has lists."""

    column: str
    largest_bytes: int
    list_elements: int = 0


def column_pages(file: BinaryIO, row_group: Any) -> Iterator[ColumnPages]:
    """Yield the largest page of each column of a row group, which is given as pyarrow's metadata.

    Raises:
        DamagedPage: a page header cannot be read.
    """
    for number in range(row_group.num_columns):
        chunk = row_group.column(number)
        is_list = chunk.num_values > row_group.num_rows
        sizes = _page_sizes(file, chunk, value_bytes=_VALUE_BYTES if is_list else 0)
        yield ColumnPages(
            chunk.path_in_schema, max(sizes, default=0), list_elements=chunk.num_values if is_list else 0
        )


def _page_sizes(file: BinaryIO, chunk: Any, *, value_bytes: int) -> Iterator[int]:
    start = chunk.data_page_offset
    if chunk.dictionary_page_offset:
        start = min(start, chunk.dictionary_page_offset)
    end = start + chunk.total_compressed_size
    if start < 0:
        raise DamagedPage("a page begins before the file")
    file.seek(start)
    while file.tell() < end:
        header = _read_struct(file)
        unpacked, packed = header.get(_UNPACKED_BYTES), header.get(_PACKED_BYTES)
        if not isinstance(unpacked, int) or not isinstance(packed, int) or min(unpacked, packed) < 0:
            raise DamagedPage("a page header has no sizes")
        if file.tell() + packed > end:
            raise DamagedPage("a page ends after its column")
        yield max(unpacked, packed, _values(header) * value_bytes)
        file.seek(packed, os.SEEK_CUR)


def _values(header: Mapping[int, object]) -> int:
    for kind in (_DATA, _DICTIONARY, _DATA_V2):
        inner = header.get(kind)
        if isinstance(inner, dict):
            values = inner.get(_NUM_VALUES, 0)
            if not isinstance(values, int):
                raise DamagedPage("a page header has no number of values")
            return values
    return 0


def _read_struct(file: BinaryIO, depth: int = 0) -> dict[int, object]:
    """Return the fields of a structure by their ids; texts and lists are skipped and have the value None."""
    if depth > _DEPTH_MAX:
        raise DamagedPage("a page header is nested too deeply")
    fields: dict[int, object] = {}
    number = 0
    while (head := _byte(file)) != 0:
        delta, kind = head >> 4, head & 0x0F
        number = number + delta if delta else _zigzag(file)
        fields[number] = _read_value(file, kind, depth)
    return fields


def _read_value(file: BinaryIO, kind: int, depth: int) -> object:
    if kind == _STRUCT:
        return _read_struct(file, depth + 1)
    read = _READERS.get(kind)
    if read is None:
        raise DamagedPage("a page header has an unknown type of field")
    return read(file)


def _byte(file: BinaryIO) -> int:
    read = file.read(1)
    if not read:
        raise DamagedPage("the file ends within a page header")
    return read[0]


def _varint(file: BinaryIO) -> int:
    value = 0
    for place in range(_VARINT_MAX_BYTES):
        byte = _byte(file)
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the highest bit is set in all bytes but the last
            return value
    raise DamagedPage("a number in a page header does not end")


def _zigzag(file: BinaryIO) -> int:
    value = _varint(file)
    return (value >> 1) ^ -(value & 1)


def _skip(size_bytes: int) -> Callable[[BinaryIO], None]:
    def skip(file: BinaryIO) -> None:
        file.seek(size_bytes, os.SEEK_CUR)

    return skip


def _skip_text(file: BinaryIO) -> None:
    size_bytes = _varint(file)
    if size_bytes > _TEXT_MAX_BYTES:
        raise DamagedPage("a text in a page header is too long")
    file.seek(size_bytes, os.SEEK_CUR)


_STRUCT = 12
#: Readers of the types of fields in a page header: two booleans, byte, i16, i32, i64, double and binary.
_READERS: Mapping[int, Callable[[BinaryIO], int | None]] = {
    1: _skip(0),
    2: _skip(0),
    3: _skip(1),
    4: _zigzag,
    5: _zigzag,
    6: _zigzag,
    7: _skip(8),
    8: _skip_text,
}
