"""A row of a table becomes an album, or is rejected with a reason."""

import math

import pytest

from catalog.ingest.columns.cell_values import decode_entities
from catalog.ingest.columns.fields import Album
from catalog.ingest.columns.mapping import ColumnMap
from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.raw_row import Cells, RawRow, UnreadableCell
from common.album_metadata import METADATA_MAX_BYTES
from common.errors import SettingsError

COLUMNS = ("id", "artist", "album_name", "release_year", "pitchfork_score", "best_new_music", "label")
WHOLE: Cells = {"id": "1", "artist": "A", "album_name": "N"}


def taken(cells: Cells, *, strict: bool = False) -> Album:
    columns = (*COLUMNS, "reviewer", "genre", "cover", "metadata", "cover_url", "Unnamed: 0")
    return ColumnMap.of(columns, {}, strict=strict).read(RawRow(1, {**WHOLE, **cells}))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(
            (text, 1999)
            for text in ("1999", 1999, 1999.0, "1999.0", " 1999 ", "1999.", "1999-12-31", "1999-12")
        ),
        *(
            (text, 2016)
            for text in ("2016-05-01T00:00:00", "2016-05-01 10:00:00+02:00", "2016/5/1", "2016.05.01")
        ),
        *((text, 2016) for text in ("01.05.2016", "5/1/2016", "May 1, 2016", "1 May 2016", "1st Sept. 2016")),
        *(
            (text, 1972)
            for text in ("1972/2012", "1972-2012", "1972, 2012", "1972; 2012", "1972 (2012 reissue)")
        ),
        *(
            (text, 1972)
            for text in ("1972.0/2012.0", "1972.0-2012.0", "1972.0; 2012.00", "[1972.0]", "c. 1972.0")
        ),
        *(
            (text, 1972)
            for text in ("c. 1972", "ca 1972", "circa 1972", "~1972", "1972?", "[1972]", "(c) 1972")
        ),
        *((text, 1972) for text in ("\u2117 1972", "\u00a91972", "1972\u5e74", "1972\u20132012", "1.972e3")),
        *(
            (text, None)
            for text in ("", None, math.nan, "nan", "NaN", "None", "NULL", "N/A", "-", "NaT", "<NA>")
        ),
    ],
)
def test_a_year_is_read_from_the_notations_of_real_tables(cell: object, value: int | None) -> None:
    album = taken({"release_year": cell})

    assert album.fields.release_year == value
    assert album.notes == ()


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((text, True) for text in ("True", "TRUE", "yes", "y", "T", "on", "1", "1.0", 1, 1.0, True)),
        *((text, False) for text in ("false", "no", "N", "f", "off", "0", "0.0", 0, 0.0, False)),
        *((text, False) for text in (None, "", "nan", "N/A", math.nan)),
    ],
)
def test_a_flag_is_read_from_the_notations_of_real_tables(cell: object, *, value: bool) -> None:
    album = taken({"best_new_music": cell})

    assert album.fields.best_new_music is value
    assert album.notes == ()


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((text, 8.7) for text in ("8.7", 8.7, " 8.70", "8,7", "+8.7", "8.7/10", "8,7 / 10", "87e-1")),
        *((text, 10.0) for text in (10, "10", "10.0", "10,0")),
        *((text, 0.0) for text in (0, "0", "-0.0")),
        *((text, None) for text in (None, "", "nan", "n/a", "NULL", "\u2013")),
    ],
)
def test_a_score_is_read_from_the_notations_of_real_tables(cell: object, value: float | None) -> None:
    album = taken({"pitchfork_score": cell})

    assert album.fields.pitchfork_score == value
    assert album.notes == ()


_CELLS_BY_REASON: dict[tuple[str, str], list[object]] = {
    ("release_year", "not_a_year"): [
        *("19x9", "'72", "1990s", "1990.0s", "1999.5", "1972.5/2012", "late", "inf", True, [1999], {}),
    ],
    ("release_year", "year_out_of_range"): ["0", 999, "10000", "99999", "-1999", "0000-00-00"],
    ("pitchfork_score", "not_a_score"): ["good", "inf", "1,000", "8.7/5", "1_0", True, math.inf, -math.inf],
    ("pitchfork_score", "score_out_of_range"): [10.1, "11", "-1", 87],
    ("best_new_music", "not_a_boolean"): ["perhaps", 2, "0.5", []],
    ("genre", "too_long"): ["x" * 101, "Rock," + "x" * 101, ",".join(map(str, range(21)))],
    ("genre", "not_text"): [True, {"a": 1}, [["Rock"]]],
    ("genre", "not_storable"): ["a\udcff", ["Rock", "a\udcff"]],
    ("reviewer", "not_text"): [["a", "b"]],
    ("reviewer", "not_storable"): ["a\x00b"],
    ("metadata", "not_a_json_object"): ["[1]", "{"],
    ("metadata", "not_storable"): ['{"a": "\\u0000"}'],
    ("label", "not_storable"): ["a\x00b", "a\udcffb", 1 << 64],
}
UNFIT = [(column, cell, reason) for (column, reason), group in _CELLS_BY_REASON.items() for cell in group]


@pytest.mark.parametrize(("column", "cell", "reason"), UNFIT)
def test_an_invalid_optional_cell_is_left_empty_and_noted(column: str, cell: object, reason: str) -> None:
    good: Cells = {"release_year": 1999, "pitchfork_score": 7.5, "genre": "Rock", "reviewer": "R"}

    album = taken({**good, column: cell})

    assert album.fields == taken({**good, column: None}).fields
    assert album.metadata == {}
    assert [(note.row, note.id, note.column, note.reason) for note in album.notes] == [
        (1, "1", column, reason)
    ]


@pytest.mark.parametrize(("column", "cell", "reason"), UNFIT)
def test_strict_mode_rejects_a_row_with_an_invalid_optional_cell(
    column: str, cell: object, reason: str
) -> None:
    with pytest.raises(RowFault, match=column) as caught:
        taken({column: cell}, strict=True)

    assert caught.value.reason == (
        "unreadable_row" if reason == "not_storable" and column != "metadata" else "invalid_field"
    )


def test_every_invalid_cell_of_a_row_is_noted() -> None:
    album = taken({"release_year": "late", "pitchfork_score": 70, "label": "\x00", "best_new_music": "?"})

    assert {note.column for note in album.notes} == {
        "release_year",
        "pitchfork_score",
        "label",
        "best_new_music",
    }


@pytest.mark.parametrize("name", ["Null", "None", "NaN", "nan", "NULL", "N/A", "-", "NA"])
def test_a_null_word_is_a_name_in_a_required_column(name: str) -> None:
    album = taken(
        {"id": name, "artist": name, "album_name": name, "genre": name, "reviewer": name, "cover": name}
    )

    assert (album.fields.id, album.fields.artist, album.fields.album_name) == (name, name, name)
    assert (album.fields.genre, album.fields.reviewer, album.cover) == (None, None, None)


def test_a_metadata_column_drops_only_null_words_that_programs_write() -> None:
    kept = {"a": "NA", "b": "None", "c": "-", "d": "Null"}

    album = taken({**kept, "e": "nan", "f": "NULL", "g": "N/A", "h": math.nan, "i": "<NA>"})

    assert album.metadata == kept


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("Simon &amp; Garfunkel", "Simon & Garfunkel"),
        ("Sigur R&oacute;s", "Sigur R\u00f3s"),
        ("Guns N&#39; Roses", "Guns N' Roses"),
        ("&#x201C;Heroes&#x201d;&nbsp;", "\u201cHeroes\u201d"),
        ("A &amp;amp; B", "A & B"),
        ("R&B", "R&B"),
        ("Tom &copy Jerry", "Tom &copy Jerry"),
        ("Q&A; B", "Q&A; B"),
        ("A &lt; B &unknown; C", "A < B &unknown; C"),
    ],
)
def test_html_entities_in_names_are_decoded(cell: str, name: str) -> None:
    album = taken(
        {"artist": cell, "album_name": cell, "genre": [cell], "reviewer": cell, "id": cell, "label": cell}
    )

    fields = album.fields
    assert {fields.artist, fields.album_name, fields.genre, fields.reviewer} == {name}
    assert (fields.id, album.metadata) == (cell.strip(), {"label": cell})


@pytest.mark.parametrize("index", ["", " ", "Unnamed: 0", "Unnamed: 0.1", "Unnamed: 1_level_0", "...1"])
def test_a_row_number_column_is_not_metadata(index: str) -> None:
    assert taken({index: "17", "__index_level_0__": 17, "label": "4AD"}).metadata == {"label": "4AD"}


def test_a_column_without_a_name_can_be_mapped() -> None:
    columns = ColumnMap.of(("Unnamed: 0", "artist", "album_name"), {"id": "Unnamed: 0"})

    assert columns.read(RawRow(1, {"Unnamed: 0": "17", "artist": "A", "album_name": "N"})).fields.id == "17"


def test_blanks_around_a_cover_name_are_ignored() -> None:
    assert taken({"cover": "  a b.jpg\t"}).cover == "a b.jpg"


def test_a_missing_value_is_none_and_other_columns_are_metadata() -> None:
    album = ColumnMap.of(COLUMNS, {}).read(
        RawRow(1, {**WHOLE, "pitchfork_score": math.nan, "label": "4AD", "extra": ""})
    )

    assert album.fields.pitchfork_score is None
    assert album.metadata == {"label": "4AD"}


@pytest.mark.parametrize("cell", ["Rock;Jazz", "Rock\0Jazz", '["Rock","Jazz"]', ["Rock", "Jazz"]])
def test_the_first_genre_of_the_cell_is_the_albums_main_genre(cell: object) -> None:
    fields = taken({"genre": cell}).fields

    assert (fields.genre, fields.genres) == ("Rock", ("Rock", "Jazz"))


@pytest.mark.parametrize(
    "cell", [None, "", " ", "[]", [], ",", [None], "N/A", "nan", "None, NULL", ["N/A"], "-;#N/A"]
)
def test_an_album_may_have_no_genre(cell: object) -> None:
    fields = taken({"genre": cell}).fields

    assert (fields.genre, fields.genres) == (None, ())


def test_a_mapped_genre_column_is_not_metadata() -> None:
    columns = ColumnMap.of((*COLUMNS, "band"), {"genre": "band"})

    album = columns.read(RawRow(1, {**WHOLE, "band": "Rock,Jazz"}))

    assert album.fields.genres == ("Rock", "Jazz")
    assert album.metadata == {}


def test_a_name_may_be_a_number() -> None:
    album = ColumnMap.of(COLUMNS, {}).read(RawRow(1, {"id": 7, "artist": 1975, "album_name": 1989}))

    assert (album.fields.id, album.fields.artist, album.fields.album_name) == ("7", "1975", "1989")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"artist": ""}, "artist"),
        ({"id": "x" * 501}, "id"),
        ({"id": ["a"]}, "id"),
        ({"artist": "&nbsp;"}, "artist"),
        ({"artist": "a\x00b"}, r"artist: .* U\+0000"),
        ({"artist": "a\udcffb"}, "artist: .*UTF-8.* --encoding"),
        ({"artist": "", "release_year": "late"}, "artist"),
        ({"id": "."}, "no request could name the album"),
        ({"id": " .. "}, "no request could name the album"),
    ],
)
def test_a_rejected_row_names_the_column_at_fault(changes: Cells, says: str) -> None:
    with pytest.raises(RowFault, match=says):
        taken(changes)


def test_an_escaped_u0000_is_ordinary_text() -> None:
    album = ColumnMap.of(COLUMNS, {}).read(RawRow(1, {**WHOLE, "label": "\\u0000"}))

    assert album.metadata == {"label": "\\u0000"}


def test_the_error_for_a_missing_column_lists_the_columns() -> None:
    with pytest.raises(SettingsError, match="no column for artist; the table has nr, band"):
        ColumnMap.of(("nr", "band", "album_name"), {"id": "nr"})


def test_nested_entities_are_decoded_in_linear_time() -> None:
    # Decoding such a text level by level takes four minutes.
    assert decode_entities("&" + "amp;" * 250_000 + "lt;") == "<"
    assert decode_entities("&" * 1001 + "#97;mp;" * 1000) == "&"


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("R&amp;amp;B", "R&B"),
        ("&#38;#38;#60;", "<"),
        ("&am&#112;;x;", "&x;"),
        ("&amp;unknown; & &copy", "&unknown; & &copy"),
        ("&ampx;", "&x;"),
        ("&#\u0663\u0668;", "&#\u0663\u0668;"),
    ],
)
def test_entities_are_decoded_until_none_is_left(text: str, decoded: str) -> None:
    assert decode_entities(text) == decoded


def test_the_largest_metadata_of_results_is_accepted() -> None:
    room = METADATA_MAX_BYTES - len('{"label": ""}')

    assert taken({"label": "x" * room}).metadata == {"label": "x" * room}


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"label": "x" * METADATA_MAX_BYTES}, "has 16397 bytes of JSON, and 16384 are allowed"),
        ({"label": "\N{SNOWMAN}" * 6000}, "the largest part is 'label' with 18013 bytes"),
        ({"label": "4AD", "metadata": {"notes": ["x" * 100] * 200}}, "the largest part is 'notes'"),
        ({"metadata": {"numbers": [1e300] * 60}}, "the largest part is 'numbers' with 18193 bytes"),
        ({"metadata": {"a": 1, "numbers": [0.5] * 50_000}}, "at least 200019 bytes .* part is 'numbers'"),
        ({"metadata": '{"a": ' + "[" * 120 + "]" * 120 + "}"}, "more than 100 levels of lists and objects"),
    ],
)
def test_metadata_that_is_too_large_for_results_is_refused(cells: Cells, says: str) -> None:
    with pytest.raises(RowFault, match=says) as raised:
        taken(cells)

    assert raised.value.reason == "metadata_too_large"


def test_columns_without_a_field_are_stored_as_metadata() -> None:
    table = ("id", "artist", "album_name", "label", "embedding", "Unnamed: 0", "", "notes")

    assert ColumnMap.of(table, {"reviewer": "notes"}).metadata_columns(table) == ["label"]


@pytest.mark.timeout(20)  # 1 MB takes milliseconds; a pattern that goes back at each blank would take hours
@pytest.mark.parametrize("column", ["release_year", "pitchfork_score", "best_new_music"])
@pytest.mark.parametrize("start", ["x", "c.", "(c)", "may", "1 may", "8.7", "8.7/", "/"])
def test_a_long_run_of_blanks_in_a_cell_is_read_quickly(column: str, start: str) -> None:
    album = taken({column: f"{start}{' ' * 1_000_000}x"})

    assert [note.column for note in album.notes] == [column]


@pytest.mark.timeout(20)  # a pattern with several ways to match the name would take years
@pytest.mark.parametrize("name", ["Unnamed: 0" + "_a" * 1000 + "!", "Unnamed: 0" + "_" * 1000 + "!"])
def test_a_long_column_name_is_read_quickly(name: str) -> None:
    album = ColumnMap.of((*COLUMNS, name), {}).read(RawRow(1, {**WHOLE, name: "kept"}))

    assert album.metadata == {name: "kept"}


@pytest.mark.parametrize("column", ["release_year", "pitchfork_score", "best_new_music"])
def test_a_number_too_large_for_a_float_is_left_out(column: str) -> None:
    album = taken({column: 10**400})

    assert [note.column for note in album.notes] == [column]


@pytest.mark.parametrize("column", ["release_year", "genre", "label", "metadata", "cover"])
def test_an_unreadable_cell_is_left_out_and_noted(column: str) -> None:
    album = taken({column: UnreadableCell("date32[day]: days=2147483647")})

    assert [(note.column, note.reason) for note in album.notes] == [(column, "not_storable")]
    assert album.notes[0].detail == "it cannot be read: date32[day]: days=2147483647"


def test_an_unreadable_id_rejects_the_row() -> None:
    with pytest.raises(RowFault, match="id: it cannot be read"):
        taken({"id": UnreadableCell("date32[day]: days=2147483647")})
