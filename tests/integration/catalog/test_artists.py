"""The filter by artist in both implementations: any spelling, rows of older schemas, rows by plain SQL."""

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from catalog.database.migrations import apply_migrations
from common.catalog.row_mapping import vector_literal
from common.filters import Filters
from tests.integration.catalog.conftest import Opened

QUERY = np.ones(512, dtype=np.float32)


def insert(url: str, *artists: str | None) -> None:
    """Insert albums by plain SQL; their ids are their places in the list."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO album_covers (id, embedding, artist) VALUES (%s, %s::vector, %s)",
            [(str(n), vector_literal(QUERY), artist) for n, artist in enumerate(artists)],
        )


def found(opened: Opened, *artists: str) -> list[str]:
    return [m.album.id for m in opened.catalog.search(QUERY, k=50, filters=Filters(artists=artists))]


def test_an_artist_is_found_in_every_spelling(writable: Opened) -> None:
    spellings = ["Ólafur Arnalds", "ÓLAFUR ARNALDS", "O\u0301lafur Arnalds", " ólafur  arnalds "]
    insert(writable.database_url, *spellings, "Olafur Arnalds", "Ólafur", None)

    answers = [found(writable, spelling) for spelling in [*spellings, "ólafur\u00a0ARNALDS"]]

    assert answers == [["0", "1", "2", "3"]] * 5


def test_one_of_several_artists_is_enough(writable: Opened) -> None:
    insert(writable.database_url, "Burial", "Four Tet", "Thom Yorke")

    assert found(writable, "burial", "FOUR TET", "nobody") == ["0", "1"]


def test_a_very_long_name_can_be_stored_and_found(writable: Opened) -> None:
    longest = "".join(chr(0x4E00 + n % 2000) for n in range(5000))
    insert(writable.database_url, longest, "short")

    assert found(writable, longest[:500]) == ["0"]


@pytest.mark.parametrize(
    "artist", ["%", "' OR 1=1 --", '"', "\\", "{a,b}", "Ártist\N{MUSICAL SYMBOL G CLEF}"]
)
def test_special_characters_in_an_artist_are_literal(writable: Opened, artist: str) -> None:
    insert(writable.database_url, "another", artist)

    assert found(writable, artist) == ["1"]


def test_an_artist_that_is_changed_by_plain_sql_is_found_under_the_new_name(writable: Opened) -> None:
    insert(writable.database_url, "Before")
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("UPDATE album_covers SET artist = 'ÁFTER'")

    assert (found(writable, "before"), found(writable, "áfter")) == ([], ["0"])


def test_rows_that_no_trigger_saw_are_found_by_their_artist(writable: Opened) -> None:
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("ALTER TABLE album_covers DISABLE TRIGGER album_covers_artist_key")
    insert(writable.database_url, "Some ARTIST")

    assert found(writable, "some artist") == ["0"]


def test_migrating_rewrites_only_rows_whose_key_is_not_their_name_in_lower_case(
    bare_database_url: str,
) -> None:
    apply_migrations(bare_database_url)
    with psycopg.connect(bare_database_url) as connection:
        connection.execute("DROP FUNCTION keep_artist_key CASCADE")
        connection.execute("ALTER TABLE album_covers DROP COLUMN artist_key CASCADE")
        connection.execute("DELETE FROM catalog_migrations WHERE name = '001_metadata_and_artists.sql'")
    insert(bare_database_url, "Radiohead", "RADIOHEAD", "Ólafur", " Radiohead", None)
    places = "SELECT id, ctid::text, artist_key FROM album_covers ORDER BY id"
    with psycopg.connect(bare_database_url) as connection:
        before = connection.execute("SELECT id, ctid::text FROM album_covers ORDER BY id").fetchall()

    apply_migrations(bare_database_url)

    with psycopg.connect(bare_database_url) as connection:
        after = connection.execute(places).fetchall()
        wanted = Jsonb({"artist": ["ólafur", "radiohead"]})
        expected = connection.execute(
            "SELECT passing FROM estimated_albums(read_filters(%s))", [wanted]
        ).fetchone()
    moved = {row[0] for row, old in zip(after, before, strict=True) if row[1] != old[1]}
    assert moved == {"2", "3"}
    assert {row[0]: row[2] for row in after if row[2] is not None} == {"2": "ólafur", "3": "radiohead"}
    assert expected == (4,)


def test_the_planner_estimates_the_albums_of_an_artist(writable: Opened) -> None:
    insert(writable.database_url, *["Frequent" if n % 3 else f"Artist {n}" for n in range(300)])
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("ANALYZE album_covers")
        expected = connection.execute(
            """SELECT passing FROM estimated_albums(read_filters('{"artist": ["FREQUENT"]}'))"""
        ).fetchone()

    assert expected == (pytest.approx(200, abs=5),)
