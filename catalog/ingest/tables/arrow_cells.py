"""Converts Arrow batches to rows of Python values, row by row if the rows are long."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.bounded_lines import (
    CELL_MAX_CHARS,
    CELL_TOO_LONG,
    ROW_ELEMENTS_MAX,
    ROW_MAX_CHARS,
    TOO_LONG,
    TOO_MANY_ELEMENTS,
)
from catalog.ingest.tables.raw_row import Cells, UnreadableCell

#: The bytes that one element of a list takes in Python; in Arrow, a null element takes none.
_ELEMENT_BYTES = 8
#: The errors of pyarrow for a value that Python cannot represent, such as a date after the year 9999 or a
#: time in an unknown time zone.
_UNREADABLE = (ValueError, OverflowError, LookupError)


def dictionary_columns(schema: Any) -> set[str]:
    """Return the names of the columns that Arrow reads as indices into a dictionary."""
    from pyarrow import types

    return {field.name for field in schema if types.is_dictionary(field.type)}


def arrow_rows(batch: Any, names: Sequence[str], *, at_once: int) -> Iterator[Cells | RowFault]:
    """Yield the rows of an Arrow batch, `at_once` rows at a time; a row that is too long is not converted."""
    for start in range(0, batch.num_rows, at_once):
        columns = [_plain(column) for column in batch.slice(start, at_once).columns]
        if sum(map(_size_bytes, columns)) <= CELL_MAX_CHARS:
            yield from _rows(columns, names)
            continue
        for number in range(len(columns[0])):
            yield _long_row([column.slice(number, 1) for column in columns], names)


def _long_row(columns: Sequence[Any], names: Sequence[str]) -> Cells | RowFault:
    if sum(map(_size_bytes, columns)) > ROW_MAX_CHARS:
        return RowFault("unreadable_row", TOO_LONG)
    if sum(map(_list_elements, columns)) > ROW_ELEMENTS_MAX:
        return RowFault("unreadable_row", TOO_MANY_ELEMENTS)
    (cells,) = _rows(columns, names)
    if any(isinstance(cell, str) and len(cell) > CELL_MAX_CHARS for cell in cells.values()):
        return RowFault("unreadable_row", CELL_TOO_LONG)
    return cells


def _rows(columns: Sequence[Any], names: Sequence[str]) -> Iterator[Cells]:
    for cells in zip(*map(_values, columns), strict=True):
        yield dict(zip(names, cells, strict=True))


def _plain(column: Any) -> Any:
    """Return a column with its dictionary decoded, and with its text as bytes, which may not be UTF-8."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_string(column.type) or types.is_string_view(column.type):
        return column.cast("binary")
    return column.cast("large_binary") if types.is_large_string(column.type) else column


def _values(column: Any) -> list[object]:
    try:
        values = column.to_pylist()
    except _UNREADABLE:
        values = [_value(scalar) for scalar in column]
    # Spark and Impala write text as bytes.
    return [
        value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value for value in values
    ]


def _value(scalar: Any) -> object:
    try:
        return scalar.as_py()
    except _UNREADABLE as error:
        return UnreadableCell(f"{scalar.type}: {error}")


def _size_bytes(column: Any) -> int:
    return int(column.nbytes) + _ELEMENT_BYTES * _list_elements(column)


def _list_elements(column: Any) -> int:
    """Return the number of elements in the lists of a column, at all levels."""
    from pyarrow import types

    if types.is_struct(column.type):
        return sum(map(_list_elements, column.flatten()))
    if types.is_map(column.type):
        start, end = int(column.offsets[0].as_py()), int(column.offsets[-1].as_py())
        parts = [part.slice(start, end - start) for part in (column.keys, column.items)]
        return end - start + sum(map(_list_elements, parts))
    if not any(is_list(column.type) for is_list in _list_checks()):
        return 0
    elements = column.flatten()
    return len(elements) + _list_elements(elements)


def _list_checks() -> Sequence[Callable[[Any], bool]]:
    from pyarrow import types

    return (
        types.is_list,
        types.is_large_list,
        types.is_fixed_size_list,
        types.is_list_view,
        types.is_large_list_view,
    )
