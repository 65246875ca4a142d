"""The embeddings of a search's results, in each implementation."""

from contextlib import closing

import numpy as np
import numpy.typing as npt
import psycopg
import pytest

from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog, MatchEmbeddings, Matches
from common.errors import AlbumNotFound, CatalogError
from common.filters import Filters
from tests.integration.catalog.conftest import Opened
from tests.integration.catalog.known_catalog import KnownAlbums, Row, write

#: Twice the relative rounding error of half precision, whose numbers have 11 significant bits.
HALF_ERROR = 2**-10


def embeddings_of(matches: Matches) -> MatchEmbeddings:
    assert matches.embeddings is not None
    return matches.embeddings


def unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    normed: npt.NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return normed


@pytest.mark.parametrize("k", [1, 10, 50])
@pytest.mark.parametrize("filters", [Filters(), Filters(genres=("Jazz",), year_min=1990)], ids=["all", "few"])
def test_each_result_has_its_own_embedding_as_a_unit_vector(
    k: int, filters: Filters, catalog: Catalog, known_albums: KnownAlbums
) -> None:
    (query,) = known_albums.texts(1)

    matches = catalog.search(query, k=k, filters=filters, with_embeddings=True)

    found = embeddings_of(matches)
    known = np.stack([vector_of(known_albums, match.album.id) for match in matches])
    assert found.albums.shape == (k, 512)
    assert np.allclose(found.albums, unit(known), rtol=HALF_ERROR, atol=1e-6)


def vector_of(known_albums: KnownAlbums, album_id: str) -> npt.NDArray[np.float32]:
    vector = known_albums.by_id[album_id].embedding
    assert vector is not None
    return vector


def test_a_later_page_has_the_embeddings_of_its_own_albums(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    (query,) = known_albums.texts(1)

    matches = catalog.search(query, k=5, filters=Filters(), offset=20, with_embeddings=True)

    known = np.stack([vector_of(known_albums, match.album.id) for match in matches])
    assert np.allclose(embeddings_of(matches).albums, unit(known), rtol=HALF_ERROR, atol=1e-6)


def test_similar_albums_have_their_embeddings(catalog: Catalog, known_albums: KnownAlbums) -> None:
    matches = catalog.similar("tie-a", k=5, filters=Filters(), with_embeddings=True)

    known = np.stack([vector_of(known_albums, match.album.id) for match in matches])
    assert np.allclose(embeddings_of(matches).albums, unit(known), rtol=HALF_ERROR, atol=1e-6)


def test_a_vector_of_another_length_is_returned_as_a_unit_vector(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    matches = catalog.search(
        vector_of(known_albums, "long"), k=1, filters=Filters(genres=("Long",)), with_embeddings=True
    )

    assert np.linalg.norm(embeddings_of(matches).albums[0]) == pytest.approx(1, abs=1e-3)


def test_embeddings_change_nothing_else_of_a_result(catalog: Catalog, known_albums: KnownAlbums) -> None:
    (query,) = known_albums.covers(1)

    plain = catalog.search(query, k=20, filters=Filters())
    embedded = catalog.search(query, k=20, filters=Filters(), with_embeddings=True)

    assert plain.embeddings is None
    assert (list(plain), plain.version) == (list(embedded), embedded.version)


def test_the_mean_is_near_the_mean_of_all_covers_and_the_same_each_time(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    vectors = unit(np.stack([row.embedding for row in known_albums.rows if row.embedding is not None]))
    first, second = (
        embeddings_of(catalog.search(query, k=3, filters=Filters(), with_embeddings=True)).mean
        for query in known_albums.covers(2)
    )

    assert np.array_equal(first, second)
    assert (
        np.linalg.norm(first - vectors.mean(axis=0)) < 0.25 * np.linalg.norm(vectors - first, axis=1).mean()
    )


def test_a_search_without_results_has_no_embeddings(catalog: Catalog, known_albums: KnownAlbums) -> None:
    matches = catalog.search(
        known_albums.texts(1)[0], k=5, filters=Filters(genres=("No such genre",)), with_embeddings=True
    )

    assert list(matches) == []
    assert matches.embeddings is None


def test_an_unknown_album_is_not_found_with_embeddings_either(catalog: Catalog) -> None:
    with pytest.raises(AlbumNotFound):
        catalog.similar("no-such-album", k=5, filters=Filters(), with_embeddings=True)


def test_the_mean_of_a_small_catalog_is_exact(writable: Opened) -> None:
    vectors = KnownAlbums(0).covers(30)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id=str(n), embedding=vector) for n, vector in enumerate(vectors)])
        write(connection, [Row(id="unembedded", embedding=None)])

    matches = writable.catalog.search(vectors[0], k=1, filters=Filters(), with_embeddings=True)

    mean = unit(vectors).mean(axis=0)
    assert np.allclose(embeddings_of(matches).mean, mean, rtol=HALF_ERROR, atol=1e-6)


def test_a_catalog_of_one_album_has_this_album_as_its_mean(writable: Opened) -> None:
    (vector,) = KnownAlbums(0).covers(1)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id="only", embedding=vector)])

    found = embeddings_of(writable.catalog.search(vector, k=1, filters=Filters(), with_embeddings=True))

    assert np.allclose(found.albums[0], found.mean, atol=1e-3)


@pytest.mark.parametrize(
    "remaining",
    [
        "starts_with(ctid::text, '(5,')",
        "starts_with(ctid::text, '(0,') OR (ctid::text::point)[0] BETWEEN 1 AND 6",
    ],
    ids=["no_sampled_page", "one_sampled_page"],
)
def test_a_table_whose_pages_are_mostly_empty_has_the_mean_of_all_covers(
    remaining: str, database_url: str
) -> None:
    vectors = KnownAlbums(0).covers(900)
    with psycopg.connect(database_url) as connection:
        write(connection, [Row(id=str(n), embedding=vector) for n, vector in enumerate(vectors)])
        connection.execute(f"DELETE FROM album_covers WHERE NOT ({remaining})")
        kept = connection.execute("SELECT id::int FROM album_covers").fetchall()

    with closing(PostgresCatalog(database_url, timeout_s=10, connections=1)) as catalog:
        found = embeddings_of(catalog.search(vectors[0], k=1, filters=Filters(), with_embeddings=True))

    mean = unit(vectors[[row[0] for row in kept]]).mean(axis=0)
    assert np.allclose(found.mean, mean, rtol=2 * HALF_ERROR, atol=1e-5)


def test_the_functions_of_embeddings_cannot_be_called_by_other_roles(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        callable_by = connection.execute(
            "SELECT rolname, proname FROM pg_roles, pg_proc "
            "WHERE proname IN ('match_embeddings', 'sampled_covers') AND NOT rolsuper "
            "AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'execute')"
        ).fetchall()

    assert callable_by == []


def test_a_plain_search_reads_no_embeddings(writable: Opened) -> None:
    vectors = KnownAlbums(0).covers(3)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id=str(n), embedding=vector) for n, vector in enumerate(vectors)])
        connection.execute(
            "CREATE OR REPLACE FUNCTION match_embeddings(album_ids text[], with_sample boolean) RETURNS json "
            "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$"
        )

    found = writable.catalog.search(vectors[0], k=3, filters=Filters())
    similar = writable.catalog.similar("0", k=3, filters=Filters())

    assert (len(found), len(similar)) == (3, 2)
    with pytest.raises(CatalogError):
        writable.catalog.search(vectors[0], k=3, filters=Filters(), with_embeddings=True)


def test_the_mean_follows_the_catalog(writable: Opened) -> None:
    before, after = KnownAlbums(0).covers(2)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id="before", embedding=before)])

    def mean() -> npt.NDArray[np.float32]:
        matches = writable.catalog.search(before, k=1, filters=Filters(), with_embeddings=True)
        return embeddings_of(matches).mean

    assert np.allclose(mean(), unit(before), rtol=HALF_ERROR, atol=1e-6)
    assert np.allclose(mean(), unit(before), rtol=HALF_ERROR, atol=1e-6)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id="after", embedding=after)])
    assert np.allclose(mean(), unit(np.stack([before, after])).mean(axis=0), rtol=2 * HALF_ERROR, atol=1e-5)


def test_a_catalog_whose_changes_are_untracked_sends_its_sample_each_time(writable: Opened) -> None:
    before, after = KnownAlbums(0).covers(2)
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("ALTER TABLE album_covers DISABLE TRIGGER album_covers_changed")
        write(connection, [Row(id="before", embedding=before)])
    writable.catalog.search(before, k=1, filters=Filters(), with_embeddings=True)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, [Row(id="after", embedding=after)])

    matches = writable.catalog.search(before, k=1, filters=Filters(), with_embeddings=True)

    expected = unit(np.stack([before, after])).mean(axis=0)
    assert matches.version is None
    assert np.allclose(embeddings_of(matches).mean, expected, rtol=2 * HALF_ERROR, atol=1e-5)
