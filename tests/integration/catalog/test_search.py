"""Tests of the search in both catalog implementations, by exact scan and by index."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psycopg
import pytest

from common.catalog.protocol import Catalog, Match
from common.errors import AlbumNotFound, CatalogMisconfigured, InvalidParameter
from common.filters import Filters
from tests.integration.catalog.known_catalog import (
    FAR,
    FAR_COUNT,
    ODD,
    RARE,
    RARE_COUNT,
    RED_COLOR,
    SECOND,
    TIES,
    VARIOUS,
    KnownAlbums,
    passes,
)

NO_FILTER = Filters()


def ids(matches: list[Match]) -> list[str]:
    return [match.album.id for match in matches]


@pytest.mark.parametrize("k", [10, 50])
@pytest.mark.parametrize("kind", ["covers", "texts"])
@pytest.mark.parametrize(
    "filters",
    [
        pytest.param(NO_FILTER, id="no filter"),
        pytest.param(Filters(genres=("Rock",)), id="a common genre"),
        pytest.param(Filters(genres=SECOND), id="a second genre"),
        pytest.param(Filters(genres=(FAR,)), id="a genre far from every query"),
        pytest.param(
            Filters(genres=("Rock", "Jazz"), year_min=1980, year_max=2005), id="two genres and years"
        ),
        pytest.param(Filters(year_max=1975), id="years"),
        pytest.param(Filters(min_score=8.3), id="score"),
        pytest.param(Filters(best_new_music=True), id="best new music"),
        pytest.param(Filters(artists=(VARIOUS.upper(), "artist 7")), id="artists"),
        pytest.param(Filters(metadata=(("label", "Label 3"),)), id="metadata"),
        pytest.param(Filters(metadata=(("discs", "2"), ("tags", "vinyl"))), id="values in metadata"),
        pytest.param(Filters(color=RED_COLOR), id="a colour"),
        pytest.param(Filters(color=RED_COLOR, genres=("Rock",), year_min=1990), id="a colour and others"),
        pytest.param(
            Filters(("Rock",), 1970, 2020, 2.5, best_new_music=True, metadata=(("live", "false"),)),
            id="all at once",
        ),
    ],
)
def test_a_search_finds_k_matching_albums_with_recall_0_99(
    catalog: Catalog, known_albums: KnownAlbums, filters: Filters, kind: str, k: int
) -> None:
    queries = getattr(known_albums, kind)(20)
    check = passes(filters)
    available = sum(check(row) and row.embedding is not None for row in known_albums.rows)

    answers = [catalog.search(query, k=k, filters=filters) for query in queries]

    expected = [known_albums.nearest(query, k, passing=check) for query in queries]
    found = [
        len(set(ids(answer)) & set(best)) / len(best) for answer, best in zip(answers, expected, strict=True)
    ]
    assert {len(answer) for answer in answers} == {min(k, available)}
    assert all(check(known_albums.by_id[name]) for answer in answers for name in ids(answer))
    assert np.mean(found) >= 0.99


def test_results_are_ordered_by_descending_cosine_similarity(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    (query,) = known_albums.covers(1)

    matches = catalog.search(query, k=50, filters=NO_FILTER)

    similarities = [match.similarity for match in matches]
    assert similarities == sorted(similarities, reverse=True)
    for match in matches:
        embedding = known_albums.by_id[match.album.id].embedding
        assert embedding is not None
        cosine = float(embedding @ query) / float(np.linalg.norm(embedding) * np.linalg.norm(query))
        assert match.similarity == pytest.approx(cosine, abs=1e-5)


def test_fewer_than_k_results_come_only_if_fewer_albums_match(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    (query,) = known_albums.texts(1)

    rare = catalog.search(query, k=50, filters=Filters(genres=(RARE,)))
    far = catalog.search(query, k=50, filters=Filters(genres=(FAR,), year_max=1975))
    none = catalog.search(query, k=50, filters=Filters(genres=("No such genre",)))

    assert len(rare) == RARE_COUNT
    assert len(far) == 50 < FAR_COUNT
    assert none == []


def test_equal_similarities_are_ordered_by_id_in_code_point_order(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    query = known_albums.by_id[TIES[0]].embedding
    assert query is not None

    matches = catalog.search(query, k=4, filters=NO_FILTER)

    assert ids(matches) == sorted(TIES)
    assert len({match.similarity for match in matches}) == 1
    assert ids(catalog.search(query, k=2, filters=NO_FILTER)) == sorted(TIES)[:2]


def test_excluded_ids_are_replaced_by_the_next_results(catalog: Catalog, known_albums: KnownAlbums) -> None:
    (query,) = known_albums.covers(1)
    first = ids(catalog.search(query, k=20, filters=NO_FILTER))

    rest = ids(catalog.search(query, k=10, filters=NO_FILTER, exclude_ids=[*first[:10], "no-such-album"]))

    assert rest == first[10:]


def test_special_characters_in_a_genre_are_literal(catalog: Catalog, known_albums: KnownAlbums) -> None:
    (query,) = known_albums.covers(1)

    one = catalog.search(query, k=5, filters=Filters(genres=(ODD,)))
    two = catalog.search(query, k=5, filters=Filters(genres=(ODD, "Íslenskt")))

    assert ids(one) == ['q"uo,te{d}\\']
    assert sorted(ids(two)) == ['q"uo,te{d}\\', "ágætis/1?&=#%20"]


def test_a_vector_that_is_not_normalized_is_ranked_by_direction(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    query = known_albums.by_id["long"].embedding
    assert query is not None

    (match,) = catalog.search(query * np.float32(0.01), k=1, filters=NO_FILTER)

    assert match.album.id == "long"
    assert match.similarity == pytest.approx(1.0, abs=1e-6)


def test_an_album_without_an_embedding_is_never_found(catalog: Catalog, known_albums: KnownAlbums) -> None:
    (query,) = known_albums.covers(1)
    filters = Filters(genres=("Rock",), year_min=1990, year_max=1990)

    matches = catalog.search(query, k=50, filters=filters)

    assert "unembedded" not in ids(matches)


def test_similar_albums_equal_a_search_by_the_albums_vector_without_itself(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    embedding = known_albums.by_id["album-7"].embedding
    assert embedding is not None
    filters = Filters(genres=("Rock", "Jazz"), year_min=1970)

    similar = catalog.similar("album-7", k=10, filters=filters)

    searched = catalog.search(embedding, k=10, filters=filters, exclude_ids=["album-7"])
    assert ids(similar) == ids(searched)
    assert len(similar) == 10


@pytest.mark.parametrize("album_id", ["no-such-album", "unembedded", "", "'; --"])
def test_similar_albums_of_an_unknown_album_are_not_found(catalog: Catalog, album_id: str) -> None:
    with pytest.raises(AlbumNotFound):
        catalog.similar(album_id, k=10, filters=NO_FILTER)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_zero_embedding_is_refused(catalog: Catalog, value: float) -> None:
    with pytest.raises(InvalidParameter):
        catalog.search(np.full(512, value, dtype=np.float32), k=10, filters=NO_FILTER)


def test_an_embedding_of_another_dimension_is_a_misconfiguration(catalog: Catalog) -> None:
    with pytest.raises(CatalogMisconfigured, match="512") as raised:
        catalog.search(np.ones(768, dtype=np.float32), k=10, filters=NO_FILTER)

    assert raised.value.problem == "wrong_dimension"


def test_many_threads_can_share_one_catalog(catalog: Catalog, known_albums: KnownAlbums) -> None:
    queries = known_albums.covers(40)
    alone = [ids(catalog.search(query, k=10, filters=NO_FILTER)) for query in queries]

    with ThreadPoolExecutor(12) as threads:
        together = list(threads.map(lambda q: ids(catalog.search(q, k=10, filters=NO_FILTER)), queries))

    assert together == alone


#: The SQL literal of a vector.
UNIT_VECTOR = f"'{[1] + [0] * 511}'::vector(512)"


def test_columns_with_other_types_of_text_and_number_are_read(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "ALTER TABLE album_covers ALTER album_name TYPE varchar, ALTER cover_url TYPE varchar, "
            "ALTER reviewer TYPE varchar, ALTER release_year TYPE smallint"
        )
        connection.execute(
            "INSERT INTO album_covers (id, embedding, album_name, cover_url, reviewer, release_year) "
            f"VALUES ('a', {UNIT_VECTOR}, 'Name', 'https://example.org/a.jpg', 'Critic', 1999)".encode()
        )

        found = connection.execute(
            "SELECT album_name, cover_url, reviewer, release_year "
            f"FROM search_albums({UNIT_VECTOR}, with_details => true)".encode()
        ).fetchall()

    assert found == [("Name", "https://example.org/a.jpg", "Critic", 1999)]


def test_results_are_read_by_key_even_if_the_plan_was_made_for_empty_tables(database_url: str) -> None:
    read = (
        f"SELECT id, thumbnails->>'256' FROM matching_albums(ARRAY['7'], {UNIT_VECTOR}, false, true)".encode()
    )
    rows_read = (
        "SELECT sum(seq_tup_read) FROM pg_stat_xact_user_tables "
        "WHERE relname IN ('album_covers', 'cover_thumbnails')"
    )
    with psycopg.connect(database_url) as connection:
        # PostgreSQL may keep a plan after five executions.
        for _ in range(6):
            connection.execute(read)
        connection.execute(
            f"INSERT INTO album_covers (id, embedding, cover_hash) SELECT n::text, {UNIT_VECTOR}, n "
            "FROM generate_series(1, 100) n".encode()
        )
        connection.execute(
            "INSERT INTO cover_thumbnails (cover_key, px_256, px_512) SELECT n, 'small ' || n, 'large ' || n "
            "FROM generate_series(1, 100) n"
        )
        before = connection.execute(rows_read).fetchone()

        found = connection.execute(read).fetchall()

        assert found == [("7", "small 7")]
        assert connection.execute(rows_read).fetchone() == before
