"""A row becomes an album, or one sentence that says why not."""

import math

import pytest

from catalog.ingest.mapping import ColumnMap
from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.rows import Cells, RawRow
from common.errors import SettingsError

COLUMNS = ("id", "artist", "album_name", "release_year", "pitchfork_score", "best_new_music", "label")
WHOLE: Cells = {"id": "1", "artist": "A", "album_name": "N"}


def read(cells: Cells, given: dict[str, str] | None = None) -> object:
    return ColumnMap.of((*COLUMNS, "band", "metadata"), given or {}).read(RawRow(1, cells))


@pytest.mark.parametrize(
    ("cell", "value"), [("1999", 1999), (1999, 1999), ("1999.0", 1999), (" 1999 ", 1999), ("", None)]
)
def test_a_year_is_read_from_what_tables_hold(cell: object, value: int | None) -> None:
    album = ColumnMap.of(COLUMNS, {}).read(RawRow(1, {**WHOLE, "release_year": cell}))

    assert album.fields.release_year == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [("True", True), ("yes", True), ("1", True), ("false", False), (0, False), (None, False)],
)
def test_a_flag_is_read_from_what_tables_hold(cell: object, *, value: bool) -> None:
    album = ColumnMap.of(COLUMNS, {}).read(RawRow(1, {**WHOLE, "best_new_music": cell}))

    assert album.fields.best_new_music is value


def test_a_value_that_is_not_there_is_none_and_other_columns_are_metadata() -> None:
    album = ColumnMap.of(COLUMNS, {}).read(
        RawRow(1, {**WHOLE, "pitchfork_score": math.nan, "label": "4AD", "extra": ""})
    )

    assert album.fields.pitchfork_score is None
    assert album.metadata == {"label": "4AD"}


def test_numbers_serve_as_names() -> None:
    album = ColumnMap.of(COLUMNS, {}).read(RawRow(1, {"id": 7, "artist": 1975, "album_name": 1989}))

    assert (album.fields.id, album.fields.artist, album.fields.album_name) == ("7", "1975", "1989")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"artist": ""}, "artist"),
        ({"release_year": "19x9"}, "release_year"),
        ({"release_year": "99999"}, "release_year"),
        ({"pitchfork_score": "inf"}, "pitchfork_score"),
        ({"best_new_music": "perhaps"}, "best_new_music"),
        ({"id": "x" * 501}, "id"),
        ({"metadata": "[1]"}, "metadata"),
        ({"label": "a\x00b"}, "zero"),
        ({"label": "a\udcffb"}, "UTF-8"),
    ],
)
def test_a_row_that_cannot_be_taken_says_which_column_is_at_fault(changes: Cells, says: str) -> None:
    with pytest.raises(RowFault, match=says):
        read({**WHOLE, **changes})


def test_a_backslash_before_u0000_is_only_text() -> None:
    album = ColumnMap.of(COLUMNS, {}).read(RawRow(1, {**WHOLE, "label": "\\u0000"}))

    assert album.metadata == {"label": "\\u0000"}


def test_a_missing_column_names_those_that_are_there() -> None:
    with pytest.raises(SettingsError, match="no column for artist; the table has nr, band"):
        ColumnMap.of(("nr", "band", "album_name"), {"id": "nr"})
