"""From a table's columns to the fields of an album; columns without a field go to its metadata."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.rows import Cells, RawRow
from common.errors import SettingsError
from common.queries import YEAR_MAX, YEAR_MIN

#: What an index of PostgreSQL takes, with room for four bytes a character.
_INDEXED_MAX_CHARS = 500
_Indexed = Annotated[str, Field(min_length=1, max_length=_INDEXED_MAX_CHARS)]
_Name = Annotated[str, Field(min_length=1)]

#: Takes the file name, or the URL, of an album's cover.
COVER = "cover"
METADATA = "metadata"
#: A column of an export that is made anew here.
_EMBEDDING = "embedding"


class AlbumFields(BaseModel):
    """An album as a table has it, less its cover and metadata."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True, str_strip_whitespace=True)

    id: _Indexed
    artist: _Name
    album_name: _Name
    genre: _Indexed | None = None
    release_year: Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX)] | None = None
    pitchfork_score: Annotated[float, Field(allow_inf_nan=False)] | None = None
    best_new_music: bool = False
    cover_url: str | None = None
    reviewer: str | None = None


_REQUIRED = tuple(name for name, field in AlbumFields.model_fields.items() if field.is_required())
FIELDS = (*AlbumFields.model_fields, COVER, METADATA)


@dataclass(frozen=True, slots=True)
class Album:
    """One row that can be taken, if its cover can."""

    row: int
    fields: AlbumFields
    #: The cell of the column `cover`, None where it is empty.
    cover: str | None
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column each field is read from."""

    columns: Mapping[str, str]

    @classmethod
    def of(cls, columns: Sequence[str], given: Mapping[str, str]) -> "ColumnMap":
        """Take the columns given for fields, and for the rest those that are called like them.

        Raises:
            SettingsError: a field or a column is unknown, or a field that every album has is missing.
        """
        for field, column in given.items():
            if field not in FIELDS:
                raise SettingsError(f"--map {field}={column}: no such field; there are {_listed(FIELDS)}")
            if column not in columns:
                raise SettingsError(f"--map {field}={column}: no such column; there are {_listed(columns)}")
        own = {field: field for field in FIELDS if field in columns and field not in given.values()}
        found = own | dict(given)
        missing = [field for field in _REQUIRED if field not in found]
        if missing:
            raise SettingsError(
                f"no column for {_listed(missing)}; the table has {_listed(columns)}: "
                f"say which it is, such as --map {missing[0]}=COLUMN"
            )
        return cls(found)

    def read(self, row: RawRow) -> Album:
        """Read one row.

        Raises:
            RowFault: it cannot be taken.
        """
        if isinstance(row.cells, RowFault):
            raise row.cells
        cells = {column: value for column, value in row.cells.items() if not _empty(value)}
        cells = _plain(cells)
        values = {field: cells.get(column) for field, column in self.columns.items()}
        cover, metadata = values.pop(COVER, None), _metadata(values.pop(METADATA, None))
        mapped = {*self.columns.values(), _EMBEDDING}
        rest = {column: value for column, value in cells.items() if column not in mapped}
        try:
            fields = AlbumFields.model_validate({name: v for name, v in values.items() if v is not None})
        except ValidationError as error:
            raise RowFault("invalid_field", self._describe(error)) from None
        return Album(row.number, fields, None if cover is None else str(cover), {**metadata, **rest})

    def raw_id(self, row: RawRow) -> str:
        """Return the id of a row that cannot be read otherwise, as far as it has one."""
        cells = {} if isinstance(row.cells, RowFault) else row.cells
        return ascii(cells.get(self.columns["id"], ""))[1:-1][:_INDEXED_MAX_CHARS]

    def _describe(self, error: ValidationError) -> str:
        parts = []
        for problem in error.errors(include_url=False):
            column = self.columns.get(str(problem["loc"][0]), str(problem["loc"][0]))
            given = "" if problem["type"] == "missing" else f", not {problem['input']!r:.80}"
            parts.append(f"{column}: {problem['msg']}{given}")
        return "; ".join(parts)


def _empty(value: object) -> bool:
    # Parquet has NaN where a column of numbers has no value.
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())


def _plain(cells: Cells) -> Cells:
    """Return cells of JSON's types alone; refuse text that PostgreSQL would: no UTF-8, or a zero in it."""
    try:
        document = orjson.dumps(cells, default=str, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError as error:
        raise RowFault("unreadable_row", f"the row is no UTF-8 text ({error})") from None
    if rb"\u0000" in document.replace(rb"\\", b""):
        raise RowFault("unreadable_row", "the row holds the character zero")
    plain: Cells = orjson.loads(document)
    return plain


def _metadata(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise RowFault("invalid_field", f"metadata: no JSON ({error})") from None
    if value is None or isinstance(value, dict):
        return dict(value or {})
    raise RowFault("invalid_field", "metadata: no JSON object")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
