"""Pages of a known ranking stay parts of this ranking, whatever PostgreSQL's statistics and index become."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import psycopg
import pytest
from psycopg import sql

from common.catalog.protocol import Catalog, Matches
from common.catalog.ranking import RANKING_MAX, Ranking
from common.catalog.row_mapping import vector_literal
from common.errors import ModelMismatch
from common.filters import Filters
from tests.integration.catalog.conftest import Opened, open_catalog
from tests.integration.catalog.known_catalog import RARE, KnownAlbums, passes, write

ROCK = Filters(genres=("Rock",))
#: SQL that deletes the statistics which the planner uses for a filter by genre.
FORGET = """
DELETE FROM pg_statistic
WHERE starelid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'album_covers'::regclass)
"""
#: The SQL that changes which method a search of `flipping` uses, by the method of the first page.
FLIPS = {"exact first": "ANALYZE album_covers", "index first": FORGET}


def ids(matches: Matches) -> list[str]:
    return [match.album.id for match in matches]


def laid_end_to_end(search: Callable[..., Matches], *, sizes: list[int], keep: bool = True) -> list[str]:
    """Return the ids of successive pages.

    If `keep` is true, each search is given the longest ranking that an earlier search returned.
    """
    found: list[str] = []
    known: Ranking | None = None
    for k in itertools.cycle(sizes):
        page = search(offset=len(found), k=k, known=known)
        found += ids(page)
        known = (page.ranking or known) if keep else None
        if page.exhausted or len(found) >= 150:
            return found
    raise AssertionError


@pytest.mark.parametrize("filters", [Filters(), ROCK, Filters(genres=(RARE,))], ids=["none", "rock", "rare"])
@pytest.mark.parametrize("kind", ["cover", "text", "album"])
def test_pages_of_a_known_ranking_equal_the_pages_of_searches(
    catalog: Catalog, known_albums: KnownAlbums, filters: Filters, kind: str
) -> None:
    (query,) = known_albums.texts(1) if kind == "text" else known_albums.covers(1)

    def search(**page: object) -> Matches:
        if kind == "album":
            return catalog.similar("album-3", filters=filters, **page)  # type: ignore[arg-type]
        return catalog.search(query, filters=filters, **page)  # type: ignore[arg-type]

    first, deep = search(k=10), search(k=10, offset=60)
    assert first.ranking is not None
    assert deep.ranking is not None
    assert ids(first) == list(first.ranking.ids[:10])
    assert deep.ranking.complete
    assert len(deep.ranking.ids) <= RANKING_MAX
    assert deep.ranking.ids[: len(first.ranking.ids)] == first.ranking.ids
    assert ids(deep) == list(deep.ranking.ids[60:70])
    shown = [round(match.similarity * 1_000_000) for match in first]
    assert shown == pytest.approx(first.ranking.similarities[:10], abs=1)

    for offset, k, threshold in [(0, 10, None), (3, 50, None), (45, 10, None), (60, 10, 0.5), (0, 10, 0.999)]:
        plain = search(k=k, offset=offset, min_similarity=threshold)
        for known in (first.ranking, deep.ranking):
            page = search(k=k, offset=offset, min_similarity=threshold, known=known)
            assert (ids(page), page.exhausted) == (ids(plain), plain.exhausted)
            assert [match.similarity for match in page] == [match.similarity for match in plain]
        assert page.ranking is None
        assert page.version == first.version


def test_a_page_of_a_known_ranking_checks_the_model(
    database_url: str,
    known_albums: KnownAlbums,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    (query,) = known_albums.covers(1)
    with ExitStack() as stack, psycopg.connect(database_url, autocommit=True) as connection:
        write(connection, known_albums.rows[:20])
        connection.execute("SELECT stamp_catalog('m', 'm')")
        opened = open_catalog("postgres", database_url, request, tmp_path_factory, stack)
        known = opened.search(query, k=5, filters=Filters(), model_fingerprint="m").ranking

        with pytest.raises(ModelMismatch):
            opened.search(query, k=5, filters=Filters(), model_fingerprint="other", known=known)


@pytest.mark.parametrize("offset", [0, 45], ids=["known page", "page with further albums"])
def test_an_album_that_lost_its_embedding_is_left_out_of_a_known_ranking(
    writable: Opened, known_albums: KnownAlbums, offset: int
) -> None:
    (query,) = known_albums.covers(1)
    with psycopg.connect(writable.database_url) as connection:
        write(connection, known_albums.rows[:80])
    first = writable.catalog.search(query, k=10, filters=Filters())
    assert first.ranking is not None
    with psycopg.connect(writable.database_url) as connection:
        connection.execute("UPDATE album_covers SET embedding = NULL WHERE id = %s", [ids(first)[0]])

    page = writable.catalog.search(query, k=10, offset=offset, filters=Filters(), known=first.ranking)

    assert ids(first)[0] not in ids(page)
    # With another version, the worker reads the page again without the known ranking.
    assert page.version != first.version


@pytest.fixture(params=["postgres", "supabase"])
def flipping(
    request: pytest.FixtureRequest,
    database_url: str,
    known_albums: KnownAlbums,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Catalog]:
    """The known albums without statistics, and with an index that misses many albums.

    Without statistics, the planner expects so few albums of a genre that a search uses the exact scan; with
    statistics, the search uses the index.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP INDEX album_covers_embedding_hnsw")
        connection.execute("ALTER TABLE album_covers SET (autovacuum_enabled = false)")
        write(connection, known_albums.rows)
        connection.execute(
            "CREATE INDEX album_covers_embedding_hnsw ON album_covers USING hnsw "
            "((embedding::halfvec(512)) halfvec_cosine_ops) WITH (m = 2, ef_construction = 4)"
        )
        estimate = """SELECT cost FROM estimated_albums(read_filters('{"genre": ["rock"]}'))"""
        connection.execute("ANALYZE album_covers")
        connection.execute(FORGET)
        (without,) = connection.execute(estimate).fetchone() or (0.0,)
        connection.execute("ANALYZE album_covers")
        (with_statistics,) = connection.execute(estimate).fetchone() or (0.0,)
        # A long index scan is used only if the exact scan costs more than twice this limit.
        assert 2 * (without + 1) < with_statistics
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET cover_search.exact_up_to = {}").format(
                sql.Identifier(database_url.rpartition("/")[2]), sql.Literal(int(without) + 1)
            )
        )
    with ExitStack() as stack:
        yield open_catalog(request.param, database_url, request, tmp_path_factory, stack)


@pytest.mark.parametrize("flip", FLIPS)
def test_pages_neither_repeat_nor_skip_an_album_if_statistics_change_between_them(
    flipping: Catalog, known_albums: KnownAlbums, execute: Callable[[str], None], flip: str
) -> None:
    undo = next(statement for name, statement in FLIPS.items() if name != flip)
    wrong = 0

    for query in known_albums.covers(3):
        ranking = known_albums.nearest(query, 1000, passing=passes(ROCK))

        def after_flip(*, offset: int, query: np.ndarray = query, **page: object) -> Matches:
            # The statistics change after the first page, which has ten albums.
            if offset <= 10:
                execute(undo if offset == 0 else FLIPS[flip])
            return flipping.search(query, filters=ROCK, offset=offset, **page)  # type: ignore[arg-type]

        version = flipping.version()
        pages = laid_end_to_end(after_flip, sizes=[10, 31, 17])
        forgotten = laid_end_to_end(after_flip, sizes=[10, 31, 17], keep=False)

        assert flipping.version() == version
        assert len({*pages}) == len(pages)
        # The albums that the pages show are the nearest ones, except for albums that follow later.
        assert {*ranking[:100]} <= {*pages}
        wrong += len({*forgotten}) < len(forgotten) or not {*ranking[:100]} <= {*forgotten}
    # Otherwise this test proves nothing.
    assert wrong > 0


def test_release_0_2_0_may_request_1000_albums(database_url: str, known_albums: KnownAlbums) -> None:
    (query,) = known_albums.covers(1)
    with psycopg.connect(database_url, autocommit=True) as connection:
        write(connection, known_albums.rows[:1005])
        connection.execute("ANALYZE album_covers")
        called = "SELECT json_array_length(versioned_search(%s, 1000)->'albums')"
        found = connection.execute(called, [vector_literal(query)]).fetchone()
        similar = connection.execute(
            "SELECT json_array_length(versioned_similar(%s, 1000)->'albums')", [known_albums.rows[0].id]
        ).fetchone()
        rows = connection.execute(
            "SELECT count(*) FROM search_albums(%s, 1000)", [vector_literal(query)]
        ).fetchone()
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute("SELECT versioned_search(%s, 1001)", [vector_literal(query)])

    assert found == similar == rows == (1000,)
