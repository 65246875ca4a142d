"""The SQL functions for colours agree with the Python functions."""

from dataclasses import replace

import numpy as np
import psycopg
import pytest

from common.colours.cells import cell_of
from common.filters import Filters
from tests.integration.catalog.conftest import Opened
from tests.integration.catalog.known_catalog import BLUE, RED, RED_COLOR, KnownAlbums, Row, paint, write


def test_sql_and_python_find_the_same_cell_of_a_colour(database_url: str) -> None:
    samples = np.random.default_rng(4).integers(0, 256, (2000, 3)).tolist()
    colours = ["#{:02x}{:02X}{:02x}".format(*rgb) for rgb in [*samples, (0, 0, 0), (255, 255, 255)]]

    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT array_agg(color_cell(colour) ORDER BY position) "
            "FROM unnest(%s::text[]) WITH ORDINALITY named (colour, position)",
            [colours],
        ).fetchone()

    assert found is not None
    assert found[0] == [cell_of(colour) for colour in colours]


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#12345g", "#1234567", "#123456\n"])
def test_sql_refuses_other_texts(database_url: str, colour: str) -> None:
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue, match="#rrggbb"),
    ):
        connection.execute("SELECT color_cell(%s)", [colour])


def test_a_colour_finds_only_covers_with_a_fifth_near_it(writable: Opened, known_albums: KnownAlbums) -> None:
    (vector,) = known_albums.covers(1)
    nearly = replace(RED, colours=((960, 0, 10, 801), (570, 201, 96, 199)))
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id=name, embedding=vector) for name in ("blue", "nearly", "none", "red")])
        paint(connection, {"blue": BLUE, "nearly": nearly, "red": RED})

    found = writable.catalog.search(vector, k=10, filters=Filters(color=RED_COLOR))
    similar = writable.catalog.similar("blue", k=10, filters=Filters(color=RED_COLOR))

    assert [match.album.id for match in found] == ["red"]
    assert [match.album.id for match in similar] == ["red"]


def test_only_a_search_by_colour_counts_the_albums_without_a_palette(
    writable: Opened, known_albums: KnownAlbums
) -> None:
    (vector,) = known_albums.covers(1)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id=name, embedding=vector) for name in "abc"])
        paint(connection, {"b": BLUE})
    catalog = writable.catalog

    by_colour, plain = (
        [
            catalog.search(vector, k=10, filters=filters).without_palette,
            catalog.similar("b", k=10, filters=filters).without_palette,
        ]
        for filters in (Filters(color=RED_COLOR), Filters(genres=("Rock",)))
    )

    assert by_colour == [2, 2]
    assert plain == [None, None]


def test_the_statistics_count_the_albums_without_a_palette(
    writable: Opened, known_albums: KnownAlbums
) -> None:
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id=name, embedding=known_albums.covers(1)[0]) for name in "abc"])
        paint(connection, {"b": RED})

    assert writable.catalog.stats().without_palette == 2
