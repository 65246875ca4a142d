"""Maps a table's columns to the fields of an album; columns without a field go to its metadata.

If a cell of an optional field is invalid, the field is left empty and noted; with `strict`, the row is
rejected.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from catalog.ingest.columns.cell_values import (
    decode_entities,
    is_empty,
    is_empty_word,
    is_placeholder,
    is_year,
)
from catalog.ingest.columns.fields import (
    COVER,
    FIELDS,
    GENRE,
    METADATA,
    METADATA_KEYS,
    REQUIRED_FIELDS,
    Album,
    AlbumFields,
)
from catalog.ingest.columns.genres import GenreSplitter
from catalog.ingest.columns.metadata_size import check_size
from catalog.ingest.columns.presets import Correction
from catalog.ingest.columns.recognition import Recognised
from catalog.ingest.columns.storable_json import (
    NotStorable,
    printable,
    reason_not_storable,
    to_json_object,
    to_storable,
)
from catalog.ingest.rejection import Note, RowFault
from catalog.ingest.tables.raw_row import Cells, RawRow, UnreadableCell
from common.errors import SettingsError
from common.genres import genre_key
from common.search_query import ALBUM_ID_MAX_CHARS

#: The columns of embeddings, palettes and prints in an export, which an ingest ignores because it computes
#: them.
_COMPUTED = ("embedding", "cover_palette", "cover_print")
#: The text fields in which HTML entities are decoded, because tables taken from web pages contain them.
_TEXT_FIELDS = frozenset({"artist", "album_name", "reviewer"})
#: Matches names that pandas and R give to a column of row numbers. The column is dropped, so that a row that
#: moves within its table counts as unchanged.
_INDEX_COLUMN = re.compile(r"\s*|Unnamed: \d+(?:_\w+)?(?:\.\w+)*|__index_level_\d+__|\.\.\.\d+")
#: The name space of the ids that are made from the artist and the title.
_NAME_SPACE = uuid.UUID("6f0d0f4e-7b0c-5d64-9a0e-1c5b2f3d8a71")
#: The reason codes that replace pydantic's own error types.
_REASONS = {"string_too_long": "too_long", "string_type": "not_text"}


@dataclass(frozen=True, slots=True)
class _InvalidCell:
    """A cell with the reason why its value cannot be used."""

    column: str
    reason: str
    message: str
    value: object

    @property
    def detail(self) -> str:
        return self.message if self.reason == "missing" else f"{self.message}: {self.value!r:.80}"

    def __str__(self) -> str:
        return f"{printable(self.column)}: {self.detail}"

    def to_note(self, row: int, album_id: str) -> Note:
        return Note(row, album_id, printable(self.column), self.reason, f"{self.message}: {self.value!r:.80}")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Maps each field to the column from which it is read."""

    columns: Mapping[str, str]
    strict: bool = False
    #: Splits cells into genres. All rows of the table are read to decide whether a name with a slash, such as
    #: Pop/R&B, is one genre or two.
    genres: GenreSplitter = field(default_factory=GenreSplitter)
    #: Maps keys of the metadata to columns; other columns without a field are stored under their own names.
    metadata_keys: Mapping[str, str] = field(default_factory=dict)
    #: Maps fields to the columns that are used in rows in which the field's own column has no usable value.
    alternatives: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Corrects the values of a field or of a key of the metadata before they are validated.
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    #: Maps text fields to the columns with the beginnings of their values, such as an artist's first name.
    beginnings: Mapping[str, str] = field(default_factory=dict)
    #: A text before each id.
    id_prefix: str = ""

    @classmethod
    def of(cls, columns: Sequence[str], given: Mapping[str, str], *, strict: bool = False) -> "ColumnMap":
        """Map the fields in `given` to their columns, and every other field to the column of the same name.

        A field with an empty column in `given` has no column.

        Raises:
            SettingsError: a field or a column is unknown, or a required field has no column.
        """
        require_known(columns, given)
        own = {name: name for name in FIELDS if name in columns and name not in given.values()}
        found = {name: column for name, column in (own | dict(given)).items() if column}
        # An id is made from the artist and the title if the table has none.
        missing = [name for name in REQUIRED_FIELDS if name not in found and name != "id"]
        if missing:
            raise SettingsError(
                f"no column for {_listed(missing)}; the table has {_listed(columns)}: "
                f"name the column, such as --map {missing[0]}=COLUMN"
            )
        return cls(found, strict)

    @classmethod
    def of_recognised(cls, columns: Sequence[str], found: Recognised, *, strict: bool = False) -> "ColumnMap":
        """Map the recognised columns, and every other field to the column of the same name.

        Raises:
            SettingsError: a required field has no column.
        """
        return replace(
            cls.of(columns, found.fields, strict=strict),
            metadata_keys=found.metadata_keys,
            alternatives=found.alternatives,
            corrections=found.corrections,
            beginnings=found.beginnings,
            id_prefix=found.id_prefix,
        )

    def read(self, row: RawRow) -> Album:
        """Return one row as an album.

        Raises:
            RowFault: the row must be rejected.
        """
        if isinstance(row.cells, RowFault):
            raise row.cells
        cells, invalid = self._storable(row.cells)
        values = {name: cells[column] for name, column in self.columns.items() if column in cells}
        values |= self._alternative_values(values, cells)
        values |= self._with_beginnings(values, cells)
        cover = values.pop(COVER, None)
        if "id" not in self.columns or self.id_prefix:
            values |= self._made_id(values)
        metadata = self._metadata(values.pop(METADATA, None), invalid) | self._other_columns(cells)
        fields = self._fields(values, invalid)
        check_size(metadata)
        return Album(
            row.number,
            fields,
            None if cover is None else str(cover).strip(),
            metadata,
            tuple(cell.to_note(row.number, fields.id) for cell in invalid),
        )

    def unnamed_columns(self, columns: Sequence[str]) -> list[str]:
        """Return the columns that are dropped because they have no name and are not mapped to a field."""
        mapped = set(self.columns.values())
        return [column for column in columns if column not in mapped and _INDEX_COLUMN.fullmatch(column)]

    def metadata_columns(self, columns: Iterable[str]) -> list[str]:
        """Return the columns without a field, except row numbers, embeddings and palettes."""
        mapped = {*self.columns.values(), *self.beginnings.values(), *_COMPUTED}
        return [column for column in columns if column not in mapped and not _INDEX_COLUMN.fullmatch(column)]

    def metadata_key(self, column: str) -> str:
        """Return the key of the metadata under which a column is stored."""
        return next((key for key, found in self.metadata_keys.items() if found == column), column)

    def raw_id(self, row: RawRow) -> str:
        """Return the id of an unreadable row, or an empty string if the row has no id."""
        cells = {} if isinstance(row.cells, RowFault) else row.cells
        album_id = cells.get(self.columns.get("id", ""))
        return "" if album_id is None else ascii(f"{self.id_prefix}{album_id}")[1:-1][:ALBUM_ID_MAX_CHARS]

    def _made_id(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the row's id with its prefix, or an id made from the artist and the title."""
        if "id" not in self.columns:
            name = "\0".join(genre_key(str(values.get(part, ""))) for part in ("artist", "album_name"))
            return {"id": str(uuid.uuid5(_NAME_SPACE, name))}
        album_id = values.get("id")
        return {"id": f"{self.id_prefix}{album_id}".strip()} if isinstance(album_id, str | int) else {}

    def _alternative_values(self, values: Mapping[str, object], cells: Cells) -> dict[str, object]:
        """Return the values of fields whose own column has no usable value in this row."""
        found = {}
        for name, columns in self.alternatives.items():
            present = [cells[column] for column in columns if column in cells]
            usable = [value for value in present if _is_usable(name, value)]
            if usable and not _is_usable(name, values.get(name)):
                found[name] = decode_entities(_joined(usable[0]))
        return found

    def _with_beginnings(self, values: Mapping[str, object], cells: Cells) -> dict[str, object]:
        """Return the values of the fields that are split into two columns."""
        found: dict[str, object] = {}
        for name, column in self.beginnings.items():
            parts = (decode_entities(cells.get(column)), values.get(name))
            present = [str(part).strip() for part in parts if isinstance(part, str | int)]
            if present:
                found[name] = " ".join(present)
        return found

    def _storable(self, raw: Cells) -> tuple[Cells, list[_InvalidCell]]:
        """Return the non-empty cells that PostgreSQL can store, and the cells that it cannot store."""
        fields = {column: name for name, column in self.columns.items()}
        keys = {column: key for key, column in self.metadata_keys.items()}
        present = {
            column: self._prepared(fields.get(column), value, key=keys.get(column))
            for column, value in raw.items()
            if _has_value(fields.get(column), value)
        }
        try:
            # All cells are checked in one call; only after a failure are they checked one by one.
            return to_storable(present), []
        except NotStorable:
            reasons = {column: reason_not_storable(column, value) for column, value in present.items()}
        invalid = [
            _InvalidCell(column, "not_storable", reason, present[column])
            for column, reason in reasons.items()
            if reason is not None
        ]
        if self.strict or any(fields.get(cell.column) in REQUIRED_FIELDS for cell in invalid):
            raise RowFault("unreadable_row", "; ".join(str(cell) for cell in invalid))
        return to_storable({column: v for column, v in present.items() if reasons[column] is None}), invalid

    def _prepared(self, name: str | None, value: object, *, key: str | None) -> object:
        correct = self.corrections.get(name or key or "")
        if correct is not None and not isinstance(value, UnreadableCell):
            value = correct(value)
        if name == GENRE and not isinstance(value, UnreadableCell):
            # Null characters may separate genres, so genres are split before null characters are refused.
            return self.genres.read(value)
        if name == "artist":
            value = _joined(value)
        return decode_entities(value) if name in _TEXT_FIELDS else value

    def _fields(self, values: dict[str, object], invalid: list[_InvalidCell]) -> AlbumFields:
        """Return the row's fields without invalid optional fields, whose cells are added to `invalid`."""
        try:
            return AlbumFields.model_validate(values)
        except ValidationError as error:
            problems = {str(problem["loc"][0]): problem for problem in error.errors(include_url=False)}
        found = [
            _InvalidCell(
                self.columns.get(name, name),
                _REASONS.get(problem["type"], problem["type"]),
                problem["msg"],
                problem["input"],
            )
            for name, problem in problems.items()
        ]
        if self.strict or any(name in REQUIRED_FIELDS for name in problems):
            raise RowFault("invalid_field", "; ".join(str(cell) for cell in found))
        invalid += found
        return AlbumFields.model_validate({name: v for name, v in values.items() if name not in problems})

    def _metadata(self, value: object, invalid: list[_InvalidCell]) -> dict[str, Any]:
        try:
            return to_json_object(value)
        except NotStorable as error:
            cell = _InvalidCell(self.columns[METADATA], "not_storable", str(error), value)
        except ValueError as error:
            message = f"not a JSON object ({error})"
            cell = _InvalidCell(self.columns[METADATA], "not_a_json_object", message, value)
        if self.strict:
            raise RowFault("invalid_field", str(cell))
        invalid.append(cell)
        return {}

    def _other_columns(self, cells: Cells) -> dict[str, Any]:
        keys = {column: key for key, column in self.metadata_keys.items()}
        own = {keys.get(column, column): cells[column] for column in self.metadata_columns(cells)}
        # The column of the ids may also be stored under a key.
        return own | {key: cells[column] for column, key in keys.items() if column in cells}


def _has_value(name: str | None, value: object) -> bool:
    if is_empty(value):
        return False
    if name is None:
        return not is_placeholder(value)
    # In a required field, a word for a missing value is a real name: an artist may be called Null, and an
    # album None.
    return name in REQUIRED_FIELDS or not is_empty_word(value)


def _joined(value: object) -> object:
    """Return a list of artists, as in the columns `artists` of Parquet and JSON files, as one text."""
    if not isinstance(value, list) or not value or not all(isinstance(part, str) for part in value):
        return value
    return ", ".join(value)


def _is_usable(name: str, value: object) -> bool:
    return is_year(value) if name == "release_year" else value is not None


def require_known(columns: Sequence[str], given: Mapping[str, str]) -> None:
    """Check the mapping of an operator; an empty column means that a field has no column.

    Raises:
        SettingsError: a field or a column is unknown, or two columns would be stored under one key.
    """
    known = (*FIELDS, *METADATA_KEYS)
    for name, column in given.items():
        if name not in known:
            raise SettingsError(f"--map {name}={column}: no such field; there are {_listed(known)}")
        if column and column not in columns:
            raise SettingsError(f"--map {name}={column}: no such column; there are {_listed(columns)}")
        if name in METADATA_KEYS and column != name and name in columns and name not in given.values():
            raise SettingsError(f"--map {name}={column}: the table also has a column {name}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names))
