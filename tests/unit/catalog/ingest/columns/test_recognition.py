"""The columns of well-known tables are recognised, and columns that only look alike are not."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from catalog.ingest.columns.fields import Album
from catalog.ingest.columns.mapping import ColumnMap
from catalog.ingest.columns.recognition import Recognised, recognise
from catalog.ingest.rejection import RowFault
from catalog.ingest.tables.raw_row import RawRow
from catalog.ingest.tables.table import Reader, Table, open_table
from common.errors import SettingsError

MBID = "76df3287-6cda-33eb-8e9a-044b5e15ffdd"
DISCOGS = (
    "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,"
    "Collection Media Condition,Collection Sleeve Condition,Collection Notes"
)
RATE_YOUR_MUSIC = (
    "RYM Album, First Name,Last Name,First Name localized, Last Name localized,Title,Release_Date,Rating,"
    "Ownership,Purchase Date,Media Type"
)
PITCHFORK = (
    "reviewid,title,artist,url,score,best_new_music,author,author_type,pub_date,pub_weekday,pub_day,"
    "pub_month,pub_year"
)


class CountingReader:
    """A reader that counts how often the table is read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.passes = 0

    def described(self) -> str:
        return self._reader.described()

    def rows(self) -> Iterator[RawRow]:
        self.passes += 1
        return self._reader.rows()


def table_of(folder: Path, header: str, *rows: Sequence[object]) -> Table:
    path = folder / "albums.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return open_table(path)


def found_in(
    folder: Path,
    header: str,
    *rows: Sequence[object],
    given: Mapping[str, str] | None = None,
    preset: str | None = None,
    cover_urls: bool = True,
) -> Recognised:
    table = table_of(folder, header, *(rows or [["x"] * len(header.split(","))]))
    return recognise(table, given or {}, preset=preset, cover_urls=cover_urls)


def albums_in(table: Table, found: Recognised) -> list[Album]:
    columns = ColumnMap.of_recognised(table.columns, found)
    return [columns.read(row) for row in table.rows()]


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (
            # Kaggle, 18,393 reviews of Pitchfork.
            "artist,album,genre,score,date,author,role,review,bnm,link,label,release_year",
            {
                "album_name": "album",
                "pitchfork_score": "score",
                "release_year": "release_year",
                "reviewer": "author",
                "best_new_music": "bnm",
            },
        ),
        (
            # Hugging Face, reviews of Pitchfork with covers.
            "artist,album,year_released,rating,small_text,review,reviewer,genre,label,release_date",
            {"album_name": "album", "pitchfork_score": "rating", "release_year": "year_released"},
        ),
        (
            # Kaggle, charts of Rate Your Music.
            "position,release_name,artist_name,release_date,release_type,primary_genres,secondary_genres",
            {
                "artist": "artist_name",
                "album_name": "release_name",
                "release_year": "release_date",
                "genre": "primary_genres",
            },
        ),
        (
            # Spotify's playlists, by Exportify.
            "Track URI,Track Name,Artist Name(s),Album Name,Album Artist Name(s),Album Release Date",
            {
                "artist": "Album Artist Name(s)",
                "album_name": "Album Name",
                "release_year": "Album Release Date",
            },
        ),
        (
            "Performer,Title,Styles,Pub_Date",
            {"artist": "Performer", "album_name": "Title", "genre": "Styles"},
        ),
        ("Artists,Release,Year,Date", {"artist": "Artists", "album_name": "Release", "release_year": "Year"}),
        ("artist,artists,album", {"artist": "artist", "album_name": "album"}),
    ],
)
def test_columns_are_recognised_by_their_usual_names(
    tmp_path: Path, header: str, fields: dict[str, str]
) -> None:
    table = table_of(tmp_path, header, ["8.1"] * len(header.split(",")))

    found = ColumnMap.of_recognised(table.columns, recognise(table, {}, cover_urls=True))

    assert found.columns.items() >= fields.items()


def test_an_empty_album_artist_or_original_year_is_replaced_in_its_row(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        "Artist,Album Artist,Album,Original Year,Year,Date",
        ["Low &amp; Co", "", "One", "", "2001", "2020-01-01"],
        ["Nick", "Various Artists", "Two", "1969", "1999", "2020-01-01"],
        ["Beck", "", "Three", "0", "1994", "2020-01-01"],
        ["", "", "Four", "", "", "2020-01-01"],
    )
    columns = ColumnMap.of_recognised(table.columns, recognise(table, {}, cover_urls=True))

    *rows, without = table.rows()
    albums = [columns.read(row) for row in rows]

    assert [(album.fields.artist, album.fields.release_year) for album in albums] == [
        ("Low & Co", 2001),
        ("Various Artists", 1969),
        ("Beck", 1994),
    ]
    assert [album.notes for album in albums] == [(), (), ()]
    with pytest.raises(RowFault, match="Album Artist"):
        columns.read(without)


def test_a_column_with_the_fields_own_name_is_preferred(tmp_path: Path) -> None:
    table = table_of(tmp_path, "id,artist,album_name,title,Artist", ["1", "A", "N", "T", "B"])

    (album,) = albums_in(table, recognise(table, {}, cover_urls=True))

    assert (album.fields.artist, album.fields.album_name) == ("A", "N")
    assert album.metadata == {"title": "T", "Artist": "B"}


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("artist,title,album", r"title and album could each be the title.*--map album_name=title$"),
        ("artist,album,genre.,genres", r"genre. and genres could each be the genre.*--map genre= uses none"),
    ],
)
def test_two_columns_for_one_field_are_refused(tmp_path: Path, header: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        found_in(tmp_path, header)


def test_a_mapping_of_the_operator_ends_the_ambiguity(tmp_path: Path) -> None:
    table = table_of(tmp_path, "artist,title,album,genre.,genres", ["A", "T", "N", "Rock", "Pop"])

    found = recognise(table, {"album_name": "title", "genre": ""}, cover_urls=True)
    (album,) = albums_in(table, found)

    assert (album.fields.album_name, album.fields.genre) == ("T", None)
    assert album.metadata == {"album": "N", "genre.": "Rock", "genres": "Pop"}


@pytest.mark.parametrize(
    ("ratings", "is_score"),
    [
        (("4.5", "5", "0"), False),
        (("", "3"), False),
        (("85", "92", "7"), False),
        (("B+", "A"), False),
        (("4.5", "5.1"), True),
        (("8,7", "9.1/10", ""), True),
        (("4", "5", "0") * 60 + ("55",), False),
        (("4", "5", "0") * 60 + ("6",), False),
    ],
)
def test_a_rating_is_the_score_only_if_its_scale_ends_at_ten(
    tmp_path: Path, ratings: tuple[str, ...], *, is_score: bool
) -> None:
    found = found_in(tmp_path, "artist,album,rating", *(["A", "N", rating] for rating in ratings))

    assert ("pitchfork_score" in found.fields) is is_score
    assert any(remark.startswith("rating is stored as metadata") for remark in found.remarks) is not is_score


def test_percentages_and_marks_are_no_scores(tmp_path: Path) -> None:
    found = found_in(tmp_path, "artist,album,score", ["A", "N", "85%"], ["A", "O", "4/5"])

    assert (
        found.remarks[0]
        == "score is stored as metadata, and is not the score: none of its values is a number"
    )


@pytest.mark.parametrize(
    ("header", "cell", "cover_urls", "is_cover"),
    [
        ("artist,album,image", "https://example.org/1", True, True),
        ("artist,album,url", "https://example.org/1.jpg?w=500", True, True),
        ("artist,album,url", "https://example.org/reviews/1", True, False),
        ("artist,album,image", "front.jpg", True, False),
        ("artist,album,image", "front.jpg", False, True),
        ("artist,album,image", "https://example.org/1.jpg", False, False),
    ],
)
def test_covers_are_recognised_by_their_values(
    tmp_path: Path, header: str, cell: str, *, cover_urls: bool, is_cover: bool
) -> None:
    found = found_in(tmp_path, header, ["A", "N", cell], cover_urls=cover_urls)

    assert ("cover" in found.fields) is is_cover
    assert found.has_cover_urls is (is_cover and cover_urls)


def test_a_table_without_ids_gets_an_id_for_each_artist_and_title(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        "artist,album,year",
        ["Low", "Drums and Guns", "2007"],
        [" LOW ", "drums  and guns", "1"],
        ["Low", "Trust", "2002"],
    )
    found = recognise(table, {}, cover_urls=True)

    first, other_spelling, second = (album.fields.id for album in albums_in(table, found))

    assert first == other_spelling != second
    assert found.remarks == ("there is no column of ids, so each id is made from the artist and the title",)


@pytest.mark.parametrize("missing", ["", "NA"])
def test_a_column_of_ids_with_empty_cells_is_not_used(tmp_path: Path, missing: str) -> None:
    found = found_in(tmp_path, "album_id,artist,album", ["1", "A", "N"], [missing, "A", "O"])

    assert "id" not in found.fields
    assert (
        found.remarks[0] == "album_id is stored as metadata, and is not the id: some of its cells are empty"
    )


def test_a_table_is_read_once_whatever_columns_it_has(tmp_path: Path) -> None:
    header = "album_id,artist,album,score,cover,image,url,mbid,discogs_id,release_group_mbid"
    table = table_of(tmp_path, header, *([n, "A", n, n % 10, *[""] * 6] for n in range(30)))
    reader = CountingReader(table.reader)

    recognise(replace(table, reader=reader), {}, cover_urls=True)

    assert reader.passes == 1


def test_the_operator_is_told_that_ids_are_made(tmp_path: Path) -> None:
    found = found_in(tmp_path, "id,artist,album", given={"id": ""})

    assert found.remarks == ("there is no column of ids, so each id is made from the artist and the title",)


def test_labels_and_ids_of_releases_are_stored_under_keys(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        "artist,album,Record Label,MBID,Discogs URL,Cat. No.",
        ["A", "N", "4AD", MBID, "https://www.discogs.com/release/12-A-N", "CAD 1"],
    )

    (album,) = albums_in(table, recognise(table, {}, cover_urls=True))

    assert album.metadata == {
        "label": "4AD",
        "musicbrainz_album_id": MBID,
        "discogs_release_id": "https://www.discogs.com/release/12-A-N",
        "catalog_number": "CAD 1",
    }


def test_a_column_called_mbid_without_ids_stays_as_it_is(tmp_path: Path) -> None:
    assert found_in(tmp_path, "artist,album,MBID", ["A", "N", "n/a"]).metadata_keys == {}


def test_a_discogs_export_is_recognised_and_its_rating_is_no_score(tmp_path: Path) -> None:
    row = ["DGC 1, X", "Nirvana (2), Beatles*", "Bleach (2)", "Sub Pop, Pulp (3)", "LP", 4, 0, 789, "All"]
    table = table_of(tmp_path, DISCOGS, [*row, "2024-03-03 10:00:00", "", "", "a gift"])

    found = recognise(table, {}, cover_urls=True)
    (album,) = albums_in(table, found)

    assert found.preset is not None
    assert found.preset.name == "discogs"
    assert (album.fields.id, album.fields.artist) == ("discogs-789", "Nirvana, Beatles")
    assert (album.fields.album_name, album.fields.release_year) == ("Bleach (2)", None)
    assert album.fields.pitchfork_score is None
    assert album.notes == ()
    assert album.metadata == {
        "label": "Sub Pop, Pulp",
        "catalog_number": "DGC 1, X",
        "format": "LP",
        "discogs_rating": "4",
        "discogs_release_id": "789",
        "CollectionFolder": "All",
        "Date Added": "2024-03-03 10:00:00",
        "Collection Notes": "a gift",
    }


@pytest.mark.parametrize(
    ("first", "last", "artist"),
    [
        ("Nick", "Cave &amp; The Bad Seeds", "Nick Cave & The Bad Seeds"),
        ("", "Can", "Can"),
        (" PJ ", " Harvey", "PJ Harvey"),
        ("Prince", "", "Prince"),
    ],
)
def test_the_two_columns_of_an_artist_in_a_rate_your_music_export_are_joined(
    tmp_path: Path, first: str, last: str, artist: str
) -> None:
    table = table_of(tmp_path, RATE_YOUR_MUSIC, [123, first, last, "", "", "A title", 1996, 8, "o", "", "CD"])

    found = recognise(table, {}, cover_urls=False)
    (album,) = albums_in(table, found)

    assert found.preset is not None
    assert found.preset.name == "rateyourmusic"
    assert (album.fields.id, album.fields.artist, album.fields.release_year) == ("rym-123", artist, 1996)
    assert album.fields.pitchfork_score is None
    assert album.metadata == {"rateyourmusic_rating": "8", "Ownership": "o", "Media Type": "CD"}


def test_an_artist_without_a_name_in_a_rate_your_music_export_is_rejected(tmp_path: Path) -> None:
    table = table_of(tmp_path, RATE_YOUR_MUSIC, [123, "", "", "", "", "A title", 1996, 8, "o", "", "CD"])

    with pytest.raises(RowFault, match="Last Name"):
        list(albums_in(table, recognise(table, {}, cover_urls=False)))


def test_an_own_column_of_the_artist_replaces_both_columns(tmp_path: Path) -> None:
    row = [123, "Nick", "Cave", "", "", "A title", 1996, 8, "o", "", "CD"]
    table = table_of(tmp_path, RATE_YOUR_MUSIC, row)

    (album,) = albums_in(table, recognise(table, {"artist": "Last Name"}, cover_urls=False))

    assert album.fields.artist == "Cave"


@pytest.mark.parametrize("number", ["789", " 789 ", "789.0"])
def test_the_number_of_a_release_may_be_written_as_pandas_does(tmp_path: Path, number: str) -> None:
    table = table_of(tmp_path, DISCOGS, ["", "A", "N", "", "", "", "", number, *[""] * 5])

    (album,) = albums_in(table, recognise(table, {}, cover_urls=True))

    assert album.fields.id == "discogs-789"


@pytest.mark.parametrize(
    "header",
    [
        "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,Notes",
        "listing_id,artist,title,label,catno,format,release_id,status,price,listed,comments,media_condition",
    ],
)
def test_a_wantlist_and_an_inventory_are_discogs_exports(tmp_path: Path, header: str) -> None:
    found = found_in(tmp_path, header, ["1"] * len(header.split(",")))

    assert found.id_prefix == "discogs-"
    assert found.fields["id"] == found.metadata_keys["discogs_release_id"] == "release_id"


def test_ids_that_the_operator_maps_get_no_prefix(tmp_path: Path) -> None:
    found = found_in(tmp_path, DISCOGS, ["1"] * 13, given={"id": "release_id"})

    assert found.id_prefix == ""
    assert found.metadata_keys["discogs_release_id"] == "release_id"


@pytest.mark.parametrize(
    ("given", "preset", "says"),
    [
        ({"pitchfork_score": "Rating"}, None, "the owner's ratings"),
        ({}, "pitchfork", "the table is a Discogs export; use --preset discogs"),
    ],
)
def test_a_discogs_rating_cannot_become_a_score(
    tmp_path: Path, given: dict[str, str], preset: str | None, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        found_in(tmp_path, DISCOGS, ["8"] * 13, given=given, preset=preset)


def test_a_table_of_pitchforks_reviews_is_recognised(tmp_path: Path) -> None:
    row = ["7", "Mezzanine", "Massive Attack", "http://pitchfork.com/7/", "4.3", "1", "Nate", "staff"]
    table = table_of(tmp_path, PITCHFORK, [*row, "2017-01-08", "6", "8", "1", "2017"])

    found = recognise(table, {}, cover_urls=True)
    (album,) = albums_in(table, found)

    assert found.preset is not None
    assert found.preset.name == "pitchfork"
    assert album.fields.model_dump(exclude={"genres", "genre", "cover_url"}) == {
        "id": "7",
        "artist": "Massive Attack",
        "album_name": "Mezzanine",
        "release_year": 2017,
        "pitchfork_score": 4.3,
        "best_new_music": True,
        "reviewer": "Nate",
    }


def test_a_preset_maps_a_table_that_would_be_ambiguous(tmp_path: Path) -> None:
    header = "title,artist,score,release,author"

    found = found_in(tmp_path, header, preset="pitchfork")

    assert found.fields["album_name"] == "title"
    with pytest.raises(SettingsError, match="title and release"):
        found_in(tmp_path, header)


@pytest.mark.parametrize(
    ("written", "artist"),
    [
        ("Beatles, The", "The Beatles"),
        ("Beatles*, The", "The Beatles"),
        ("Verve, The (2)", "The Verve"),
        ("Rolling Stones, The, Beatles, The", "The Rolling Stones, The Beatles"),
        ("Foo (2)*/Bar (3); Baz*", "Foo/Bar; Baz"),
        ("*NSYNC & M*A*S*H", "*NSYNC & M*A*S*H"),
        ("Peter, The Wolf", "Peter, The Wolf"),
    ],
)
def test_the_marks_of_discogs_are_removed_from_artists(tmp_path: Path, written: str, artist: str) -> None:
    table = table_of(tmp_path, DISCOGS, ["X", written, "N", "", "", "", "0.0", 7, *[""] * 5])

    (album,) = albums_in(table, recognise(table, {}, cover_urls=True))

    assert (album.fields.artist, album.fields.release_year, album.notes) == (artist, None, ())


def test_typed_columns_of_parquet_are_recognised(tmp_path: Path) -> None:
    columns = {
        "artists": pa.array([["Nick Drake", "Simon &amp; Co"], ["Low"]]),
        "album": ["Pink Moon", "Trust"],
        "release date": pa.array([date(1972, 2, 25), None]),
        "score": pa.array([Decimal("8.7"), Decimal("9.1")], pa.decimal128(3, 1)),
        "release_id": pa.array([MBID, None]),
    }
    path = tmp_path / "albums.parquet"
    parquet.write_table(pa.table(columns), path)
    table = open_table(path)

    first, second = albums_in(table, recognise(table, {}, cover_urls=True))

    assert (first.fields.artist, first.fields.release_year) == ("Nick Drake, Simon & Co", 1972)
    assert (second.fields.artist, second.fields.pitchfork_score) == ("Low", 9.1)
    assert first.metadata == {"musicbrainz_album_id": MBID}


def test_ids_of_musicbrainz_make_no_discogs_export(tmp_path: Path) -> None:
    found = found_in(tmp_path, "catalog,artist,title,release_id", ["X", "A", "N", MBID])

    assert (found.preset, found.id_prefix) == (None, "")
    assert found.metadata_keys["musicbrainz_album_id"] == found.fields["id"] == "release_id"


def test_the_names_of_beets_are_recognised(tmp_path: Path) -> None:
    found = found_in(tmp_path, "albumartist,album,mb_albumid,discogs_albumid", ["A", "N", MBID, "7"])

    assert found.metadata_keys == {
        "musicbrainz_album_id": "mb_albumid",
        "discogs_release_id": "discogs_albumid",
    }


def test_a_discogs_row_without_an_id_is_rejected(tmp_path: Path) -> None:
    table = table_of(tmp_path, DISCOGS, ["X", "A", "N", *[""] * 10])
    columns = ColumnMap.of_recognised(table.columns, recognise(table, {}, cover_urls=True))

    with pytest.raises(RowFault, match="Field required"):
        columns.read(next(iter(table.rows())))


def test_a_key_of_the_metadata_cannot_replace_a_column_of_its_name(tmp_path: Path) -> None:
    table = table_of(tmp_path, "id,artist,album_name,label,Imprint", ["1", "A", "N", "4AD", "X"])

    with pytest.raises(SettingsError, match="the table also has a column label"):
        ColumnMap.of(table.columns, {"label": "Imprint"})
