"""Queries that are outliers, far from all albums, search more of the index."""

import psycopg
import pytest

from benchmarks.recall.synthetic_embeddings import Vectors
from common.catalog.row_mapping import vector_literal
from tests.integration.catalog.known_catalog import KnownAlbums


def apart(url: str, queries: Vectors) -> list[bool]:
    with psycopg.connect(url) as connection:
        found = [
            connection.execute("SELECT lies_apart(%s::vector)", [vector_literal(query)]).fetchone()
            for query in queries
        ]
    return [row is not None and bool(row[0]) for row in found]


def test_texts_are_outliers_among_covers(
    known_albums_urls: dict[str, str], known_albums: KnownAlbums
) -> None:
    texts = known_albums.texts(40)

    found = apart(known_albums_urls["walk"], texts)

    # A few texts may not be outliers, because in such a small catalog some covers are almost as far from
    # their neighbours as from the text.
    assert sum(found) >= 36


def test_a_new_cover_is_not_an_outlier(known_albums_urls: dict[str, str], known_albums: KnownAlbums) -> None:
    covers = known_albums.covers(20)

    found = apart(known_albums_urls["walk"], covers)

    assert found == [False] * 20


def test_an_empty_catalog_has_no_outliers(database_url: str, known_albums: KnownAlbums) -> None:
    (cover,) = known_albums.covers(1)

    found = apart(database_url, cover.reshape(1, -1))

    assert found == [False]


@pytest.mark.parametrize("copies", [1, 60])
def test_duplicates_of_an_album_are_not_outliers(
    database_url: str, known_albums: KnownAlbums, copies: int
) -> None:
    (cover,) = known_albums.covers(1)
    with psycopg.connect(database_url) as connection:
        connection.cursor().executemany(
            "INSERT INTO album_covers (id, embedding) VALUES (%s, %s)",
            [(f"copy-{n}", vector_literal(cover)) for n in range(copies)],
        )

    found = apart(database_url, cover.reshape(1, -1))

    assert found == [False]
