"""Tests of reads other than searches, in both catalog implementations."""

from collections import Counter

import numpy as np
import psycopg
import pytest

from common.catalog.protocol import Album, Catalog, CatalogStats, ModelStamp
from common.errors import AlbumNotFound, ModelMismatch
from common.filters import Filters
from tests.integration.catalog.conftest import Opened
from tests.integration.catalog.known_catalog import SECOND, KnownAlbums, Row, write


def test_an_album_in_any_script_is_read_completely(catalog: Catalog) -> None:
    album = catalog.album("ágætis/1?&=#%20")

    assert album == Album(
        id="ágætis/1?&=#%20",
        artist="Sigur Rós \N{MUSICAL SYMBOL G CLEF}",
        album_name="Ágætis byrjun — 椎名林檎",
        genre="Íslenskt",
        release_year=1999,
        pitchfork_score=9.4,
        best_new_music=True,
        cover_url="https://covers.example.org/á.jpg",
    )


def test_an_album_without_metadata_has_empty_fields(catalog: Catalog) -> None:
    assert catalog.album("bare") == Album(
        id="bare",
        artist="",
        album_name="",
        genre=None,
        release_year=None,
        pitchfork_score=None,
        best_new_music=False,
        cover_url=None,
    )


@pytest.mark.parametrize("album_id", ["no-such-album", "", "%", "'; DROP TABLE album_covers; --"])
def test_an_unknown_album_is_not_found(catalog: Catalog, album_id: str) -> None:
    with pytest.raises(AlbumNotFound):
        catalog.album(album_id)


def test_existing_embeddings_are_read_bit_for_bit(catalog: Catalog, known_albums: KnownAlbums) -> None:
    asked = ["album-1", 'q"uo,te{d}\\', "long", "unembedded", "no-such-album", "album-1"]

    embeddings = catalog.embeddings(asked)

    assert set(embeddings) == {"album-1", 'q"uo,te{d}\\', "long"}
    for album_id, embedding in embeddings.items():
        assert embedding.dtype == np.float32
        assert np.array_equal(embedding, known_albums.by_id[album_id].embedding)  # type: ignore[arg-type]


def test_an_empty_list_of_ids_gives_no_embeddings(catalog: Catalog) -> None:
    assert catalog.embeddings([]) == {}


def test_genres_are_listed_once_in_order(catalog: Catalog, known_albums: KnownAlbums) -> None:
    assert catalog.genres() == sorted({row.genre for row in known_albums.rows if row.genre} | {SECOND[0]})


def test_statistics_cover_all_albums(catalog: Catalog, known_albums: KnownAlbums) -> None:
    stats = catalog.stats()

    years = [row.release_year for row in known_albums.rows if row.release_year is not None]
    scores = [row.pitchfork_score for row in known_albums.rows if row.pitchfork_score is not None]
    assert stats.total_albums == len(known_albums.rows)
    firsts = Counter(row.genre for row in known_albums.rows if row.genre)
    seconds = sum(bool(row.other_genres) for row in known_albums.rows)
    assert {g.genre: g.count for g in stats.genres} == firsts | {SECOND[0]: seconds}
    assert [g.count for g in stats.genres] == sorted((g.count for g in stats.genres), reverse=True)
    assert (stats.year_min, stats.year_max) == (min(years), max(years))
    assert (stats.score_min, stats.score_max) == (float(min(scores)), float(max(scores)))
    assert stats.score_average == pytest.approx(float(sum(scores) / len(scores)))
    assert stats.best_new_music_count == sum(row.best_new_music is True for row in known_albums.rows)


def test_a_complete_catalog_passes_its_check(catalog: Catalog) -> None:
    catalog.check()


def test_an_empty_catalog_answers_every_request(writable: Opened) -> None:
    catalog = writable.catalog

    assert catalog.search(np.ones(512, dtype=np.float32), k=10, filters=Filters()) == []
    assert catalog.genres() == []
    assert catalog.stats() == CatalogStats(0, (), None, None, None, None, None, 0, 0)
    assert catalog.embeddings(["a"]) == {}
    assert catalog.model_stamp() is None
    catalog.check()


def test_the_stamp_names_the_model_of_the_vectors(writable: Opened) -> None:
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("SELECT stamp_catalog('a/model', 'f00d')")

    # A tool of an older release passes no preprocessing version, which means version 1.
    assert writable.catalog.model_stamp() == ModelStamp(model="a/model", fingerprint="f00d", preprocessing=1)


def test_the_stamp_names_the_preprocessing_version(writable: Opened) -> None:
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("SELECT stamp_catalog('a/model', 'f00d', 7)")

    assert writable.catalog.model_stamp() == ModelStamp(model="a/model", fingerprint="f00d", preprocessing=7)


def test_an_unmigrated_database_has_the_first_preprocessing_version(writable: Opened) -> None:
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("SELECT stamp_catalog('a/model', 'f00d', 7)")
        connection.execute(
            "CREATE OR REPLACE FUNCTION catalog_stamp() RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS "
            "$$ SELECT jsonb_build_object('model', model, 'fingerprint', fingerprint) FROM catalog_model $$"
        )

    assert writable.catalog.model_stamp() == ModelStamp(model="a/model", fingerprint="f00d", preprocessing=1)


def test_a_stamped_catalog_refuses_queries_of_another_model(writable: Opened) -> None:
    query = np.ones(512, dtype=np.float32)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id="a", embedding=query)])
    unstamped = writable.catalog.search(query, k=1, filters=Filters(), model_fingerprint="f00d")
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("SELECT stamp_catalog('a/model', 'beef')")

    with pytest.raises(ModelMismatch, match="a/model"):
        writable.catalog.search(query, k=1, filters=Filters(), model_fingerprint="f00d")

    assert len(unstamped) == 1
    assert len(writable.catalog.search(query, k=1, filters=Filters(), model_fingerprint="beef")) == 1
