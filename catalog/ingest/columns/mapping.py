"""From a table's columns to the fields of an album; columns without a field go to its metadata.

A cell that an optional field does not take is left empty and noted; `strict` rejects its row.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Annotated, Any, TypeAlias

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    computed_field,
)
from pydantic_core import PydanticCustomError

from catalog.ingest.columns.cell_values import (
    Flag,
    Score,
    Year,
    decode_entities,
    is_empty,
    is_empty_word,
    is_placeholder,
)
from catalog.ingest.columns.genres import GENRES_MAX, GenreSplitter
from catalog.ingest.rejection import Note, RowFault
from catalog.ingest.tables.raw_row import Cells, RawRow
from common.errors import SettingsError
from common.genres import GENRE_MAX_CHARS
from common.queries import ALBUM_ID_MAX_CHARS


def _askable(album_id: str) -> str:
    """Refuse ids that no client could ask for."""
    if album_id in {".", ".."}:
        # Also written %2E (RFC 3986, 6.2.2.3); browsers and most libraries resolve them before they ask.
        raise PydanticCustomError(
            "not_askable", "clients remove it from an address, so that nobody could ask for the album"
        )
    return album_id


_Id = Annotated[str, Field(min_length=1, max_length=ALBUM_ID_MAX_CHARS), AfterValidator(_askable)]
_Name = Annotated[str, Field(min_length=1)]
_Genre = Annotated[str, Field(min_length=1, max_length=GENRE_MAX_CHARS)]

#: Takes the file name, or the URL, of an album's cover.
COVER = "cover"
METADATA = "metadata"
GENRE = "genre"
#: A column of an export that is made anew here.
_EMBEDDING = "embedding"
#: Fields of words, which tables taken from web pages have with HTML entities.
_WORDS = frozenset({"artist", "album_name", "reviewer"})
#: What pandas and R call the numbers of the rows; a row keeps none, so that it may stand elsewhere.
_INDEX_COLUMN = re.compile(r"\s*|Unnamed: \d+([._]\w+)*|__index_level_\d+__|\.\.\.\d+")
#: The reasons of pydantic's own checks.
_REASONS = {"string_too_long": "too_long", "string_type": "not_text"}


class AlbumFields(BaseModel):
    """An album as a table has it, less its cover and metadata."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True, str_strip_whitespace=True)

    id: _Id
    artist: _Name
    album_name: _Name
    #: All of them; tables have them in one column.
    genres: Annotated[
        tuple[_Genre, ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
        Field(validation_alias=GENRE, max_length=GENRES_MAX),
    ] = ()
    release_year: Year | None = None
    pitchfork_score: Score | None = None
    best_new_music: Flag = False
    cover_url: str | None = None
    reviewer: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def genre(self) -> str | None:
        """The first of the genres."""
        return next(iter(self.genres), None)


_REQUIRED = tuple(name for name, field in AlbumFields.model_fields.items() if field.is_required())
#: By the names that their columns have.
FIELDS = (*(GENRE if name == "genres" else name for name in AlbumFields.model_fields), COVER, METADATA)


@dataclass(frozen=True, slots=True)
class Album:
    """One row that can be taken, if its cover can."""

    row: int
    fields: AlbumFields
    #: The cell of the column `cover`, None where it is empty.
    cover: str | None
    metadata: Mapping[str, object]
    #: Of cells that were left empty.
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unfit:
    """A cell that was not taken."""

    column: str
    reason: str
    says: str
    value: object

    @property
    def detail(self) -> str:
        return self.says if self.reason == "missing" else f"{self.says}: {self.value!r:.80}"

    def __str__(self) -> str:
        return f"{_printable(self.column)}: {self.detail}"


_Values: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column each field is read from."""

    columns: Mapping[str, str]
    strict: bool = False
    #: Which names with a slash are one genre is a matter of the whole table.
    genres: GenreSplitter = dataclass_field(default_factory=GenreSplitter)

    @classmethod
    def of(cls, columns: Sequence[str], given: Mapping[str, str], *, strict: bool = False) -> "ColumnMap":
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
        return cls(found, strict)

    def read(self, row: RawRow) -> Album:
        """Read one row.

        Raises:
            RowFault: it cannot be taken.
        """
        if isinstance(row.cells, RowFault):
            raise row.cells
        cells, unfit = self._storable(row.cells)
        values = {field: cells[column] for field, column in self.columns.items() if column in cells}
        cover = values.pop(COVER, None)
        metadata = self._metadata(values.pop(METADATA, None), unfit)
        fields = self._fields(values, unfit)
        notes = (
            Note(
                row.number,
                fields.id,
                _printable(cell.column),
                cell.reason,
                f"{cell.says}: {cell.value!r:.80}",
            )
            for cell in unfit
        )
        return Album(
            row.number,
            fields,
            None if cover is None else str(cover).strip(),
            metadata | self._rest(cells),
            tuple(notes),
        )

    def left_out(self, columns: Sequence[str]) -> list[str]:
        """Return the columns that have no name and are not mapped."""
        mapped = set(self.columns.values())
        return [column for column in columns if column not in mapped and _INDEX_COLUMN.fullmatch(column)]

    def raw_id(self, row: RawRow) -> str:
        """Return the id of a row that cannot be read otherwise, as far as it has one."""
        cells = {} if isinstance(row.cells, RowFault) else row.cells
        return ascii(cells.get(self.columns["id"], ""))[1:-1][:ALBUM_ID_MAX_CHARS]

    def _storable(self, raw: Cells) -> tuple[Cells, list[_Unfit]]:
        """Return the cells with a value, as JSON's types, less those that PostgreSQL would refuse."""
        fields = {column: field for field, column in self.columns.items()}
        present = {
            column: self._words(fields.get(column), value)
            for column, value in raw.items()
            if _has_value(fields.get(column), value)
        }
        try:
            return _plain(present), []
        except _UnstorableError:
            unfit = list(_unstorable(present))
        bad = {cell.column for cell in unfit}
        if self.strict or any(fields.get(column) in _REQUIRED for column in bad):
            raise RowFault("unreadable_row", "; ".join(str(cell) for cell in unfit))
        return _plain({column: value for column, value in present.items() if column not in bad}), unfit

    def _words(self, field: str | None, value: object) -> object:
        if field == GENRE:
            # The character zero may separate genres; elsewhere it is refused.
            return self.genres.read(value)
        return decode_entities(value) if field in _WORDS else value

    def _fields(self, values: _Values, unfit: list[_Unfit]) -> AlbumFields:
        try:
            return AlbumFields.model_validate(values)
        except ValidationError as error:
            problems = {str(problem["loc"][0]): problem for problem in error.errors(include_url=False)}
        found = [
            _Unfit(
                self.columns.get(field, field),
                _REASONS.get(problem["type"], problem["type"]),
                problem["msg"],
                problem["input"],
            )
            for field, problem in problems.items()
        ]
        if self.strict or any(field in _REQUIRED for field in problems):
            raise RowFault("invalid_field", "; ".join(str(cell) for cell in found))
        unfit += found
        return AlbumFields.model_validate({name: v for name, v in values.items() if name not in problems})

    def _metadata(self, value: object, unfit: list[_Unfit]) -> dict[str, Any]:
        try:
            return _object(value)
        except _UnstorableError as error:
            cell = _Unfit(self.columns[METADATA], "not_storable", str(error), value)
        except ValueError as error:
            cell = _Unfit(self.columns[METADATA], "not_a_json_object", f"not a JSON object ({error})", value)
        if self.strict:
            raise RowFault("invalid_field", str(cell))
        unfit.append(cell)
        return {}

    def _rest(self, cells: Cells) -> dict[str, Any]:
        """Return what is no field: all but an index and an export's vectors."""
        mapped = {*self.columns.values(), _EMBEDDING}
        return {
            column: value
            for column, value in cells.items()
            if column not in mapped and not _INDEX_COLUMN.fullmatch(column)
        }


def _has_value(field: str | None, value: object) -> bool:
    if is_empty(value):
        return False
    if field is None:
        return not is_placeholder(value)
    # An artist may be called Null, and an album None.
    return field in _REQUIRED or not is_empty_word(value)


class _UnstorableError(ValueError):
    """PostgreSQL would refuse it."""


def _plain(cells: Cells) -> Cells:
    """Return cells of JSON's types alone."""
    try:
        # JSON has no infinity: as text it is no number that a field takes, and is told.
        finite = {
            column: str(v) if isinstance(v, float) and math.isinf(v) else v for column, v in cells.items()
        }
        document = orjson.dumps(finite, default=str, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError as error:
        raise _UnstorableError(str(error)) from error
    if rb"\u0000" in document.replace(rb"\\", b""):
        raise _UnstorableError("it holds the character zero")
    plain: Cells = orjson.loads(document)
    return plain


def _unstorable(cells: Cells) -> Iterator[_Unfit]:
    for column, value in cells.items():
        try:
            _plain({column: value})
        except _UnstorableError as error:
            says = str(error)
            if not (_is_utf8(column) and _is_utf8(value)):
                says = "no UTF-8 text; if the file is in another encoding, say which with --encoding"
            yield _Unfit(column, "not_storable", says, value)


def _is_utf8(value: object) -> bool:
    return not isinstance(value, str) or value == value.encode("utf-8", "ignore").decode()


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        value = orjson.loads(value)
    if value is None or isinstance(value, dict):
        return _plain(dict(value or {}))
    raise ValueError(f"it is a {type(value).__name__}")


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
