"""Pages laid end to end are the exact ranking, for random queries, filters and sizes of pages."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from benchmarks.recall.synthetic_embeddings import Vectors
from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog, Match, Matches
from common.filters import Filters
from common.search_query import K_MAX, OFFSET_MAX
from tests.integration.catalog.conftest import TIMEOUT_S
from tests.integration.catalog.known_catalog import (
    FAR,
    RARE,
    SECOND,
    TIES,
    VARIOUS,
    KnownAlbums,
    passes,
    write,
)

#: The ranking that a search can return, in pages.
RANKS_MAX = OFFSET_MAX + K_MAX
#: pgvector computes in single precision, so albums that are nearer to each other may change places.
TOLERANCE = 1e-6

every_example = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def ids(matches: Sequence[Match]) -> list[str]:
    return [match.album.id for match in matches]


@st.composite
def some_filters(draw: st.DrawFn) -> Filters:
    """Draw filters; most of them leave more than one page of albums."""
    years = sorted(draw(st.lists(st.integers(1967, 2024), max_size=2)))
    values = {
        "label": st.sampled_from(["Label 1", "Label 6", "No label"]),
        "discs": st.sampled_from(["1", "4", "1.0"]),
        "live": st.sampled_from(["true", "false"]),
        "tags": st.sampled_from(["vinyl", "tag 2"]),
    }
    keys = draw(st.lists(st.sampled_from(sorted(values)), max_size=2, unique=True))
    return Filters(
        genres=tuple(draw(st.lists(st.sampled_from(["Rock", "Jazz", RARE, FAR, SECOND[0]]), max_size=2))),
        year_min=years[0] if years else None,
        year_max=years[1] if len(years) > 1 else None,
        min_score=draw(st.none() | st.sampled_from([0.0, 2.5, 8.3])),
        best_new_music=draw(st.sampled_from([False, False, False, True])),
        artists=tuple(draw(st.sampled_from([[], [], [], [VARIOUS.lower()], [VARIOUS, "ARTIST 7"]]))),
        metadata=tuple((key, draw(values[key])) for key in sorted(keys)),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """A search without its page: a kind of query, filters and a threshold."""

    kind: str
    seed: int
    filters: Filters
    #: The share of the matching albums that the threshold keeps; None for no threshold.
    kept: float | None

    def query(self, known_albums: KnownAlbums) -> Vectors:
        """Return the same vector for the same seed."""
        if self.kind == "album":
            embedding = known_albums.by_id[f"album-{self.seed}"].embedding
            assert embedding is not None
            return embedding
        draws = known_albums.covers if self.kind == "cover" else known_albums.texts
        return QUERIES.setdefault((self.kind, self.seed), draws(1)[0])


#: The drawn queries, so that a repeated example repeats its query.
QUERIES: dict[tuple[str, int], Vectors] = {}

cases = st.builds(
    Case,
    kind=st.sampled_from(["cover", "text", "album"]),
    seed=st.integers(0, 20),
    filters=some_filters(),
    kept=st.none() | st.sampled_from([0.0, 0.1, 0.6]),
)
sizes = st.lists(st.integers(10, K_MAX), min_size=1, max_size=5)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The exact ranking of a case by NumPy."""

    ids: list[str]
    cosines: list[float]
    min_similarity: float | None

    @classmethod
    def of(cls, case: Case, known_albums: KnownAlbums) -> "Ranking":
        check = passes(case.filters)
        ranking = known_albums.ranking(
            case.query(known_albums),
            passing=lambda row: check(row) and (case.kind != "album" or row.id != f"album-{case.seed}"),
        )
        threshold = None
        if case.kept is not None:
            threshold = _between([cosine for _, cosine in ranking], int(case.kept * len(ranking)))
            ranking = [(name, cosine) for name, cosine in ranking if cosine >= threshold]
        return cls([name for name, _ in ranking], [cosine for _, cosine in ranking], threshold)

    def check_page(self, page: Matches, *, offset: int, k: int) -> None:
        """Check a page of an exact search."""
        expected = self.cosines[offset : offset + k]
        assert [match.similarity for match in page] == pytest.approx(expected, abs=TOLERANCE)
        cosine_of = dict(zip(self.ids, self.cosines, strict=True))
        assert [cosine_of[name] for name in ids(page)] == pytest.approx(expected, abs=TOLERANCE)
        assert page.exhausted == (offset + k >= len(self.ids))


def _between(cosines: list[float], kept: int) -> float:
    """Return a threshold that about `kept` of the cosines pass, and that none of them is close to."""
    for above, below in zip(cosines[kept:], cosines[kept + 1 :], strict=False):
        if above - below > 4 * TOLERANCE:
            return (above + below) / 2
    return 0.9999


def search(
    catalog: Catalog, known_albums: KnownAlbums, case: Case, ranking: Ranking
) -> Callable[..., Matches]:
    """Return the search of a case, which needs only `offset` and `k`."""
    filters, min_similarity = case.filters, ranking.min_similarity
    if case.kind == "album":
        album_id = f"album-{case.seed}"
        return partial(catalog.similar, album_id, filters=filters, min_similarity=min_similarity)
    query = case.query(known_albums)
    return partial(catalog.search, query, filters=filters, min_similarity=min_similarity)


def pages(search: Callable[..., Matches], sizes: Sequence[int]) -> Iterator[tuple[int, int, Matches]]:
    """Yield offset, size and page of successive pages, whose sizes repeat, to the end of the ranking."""
    offset, number = 0, 0
    while offset <= OFFSET_MAX:
        k = sizes[number % len(sizes)]
        page = search(offset=offset, k=k)
        yield offset, k, page
        if page.exhausted:
            return
        offset, number = offset + k, number + 1


def laid_end_to_end(search: Callable[..., Matches], sizes: Sequence[int]) -> list[str]:
    return [name for _, _, page in pages(search, sizes) for name in ids(page)]


@every_example
@given(case=cases, sizes=sizes)
def test_pages_laid_end_to_end_are_the_exact_ranking(
    catalog: Catalog, known_albums: KnownAlbums, case: Case, sizes: list[int]
) -> None:
    ranking = Ranking.of(case, known_albums)

    found = list(pages(search(catalog, known_albums, case, ranking), sizes))

    # The index of this small catalog misses no album, so that both methods must find the exact ranking.
    for offset, k, page in found:
        ranking.check_page(page, offset=offset, k=k)
    names = [name for _, _, page in found for name in ids(page)]
    assert len(names) == len({*names}) >= min(len(ranking.ids), OFFSET_MAX)


@settings(every_example, max_examples=30)
@given(case=cases, offset=st.integers(0, OFFSET_MAX), k=st.integers(1, K_MAX))
def test_any_page_is_a_part_of_the_exact_ranking(
    catalog: Catalog, known_albums: KnownAlbums, case: Case, offset: int, k: int
) -> None:
    ranking = Ranking.of(case, known_albums)
    offset = min(offset, len(ranking.ids))

    page = search(catalog, known_albums, case, ranking)(offset=offset, k=k)

    ranking.check_page(page, offset=offset, k=k)


def test_equal_albums_keep_their_order_across_pages(catalog: Catalog, known_albums: KnownAlbums) -> None:
    query = known_albums.by_id[TIES[0]].embedding
    assert query is not None

    found = [ids(catalog.search(query, k=1, offset=place, filters=Filters())) for place in range(len(TIES))]

    assert found == [[name] for name in sorted(TIES)]


def test_the_most_similar_album_meets_a_threshold_of_1(catalog: Catalog, known_albums: KnownAlbums) -> None:
    query = known_albums.by_id["long"].embedding
    assert query is not None

    page = catalog.search(query, k=10, filters=Filters(), min_similarity=1.0)

    assert ids(page) == ["long"]
    assert page.exhausted


@pytest.mark.parametrize(("rounded_up", "count"), [(False, 1), (True, 0)])
def test_a_threshold_is_compared_with_the_similarity_that_results_show(
    catalog: Catalog, known_albums: KnownAlbums, rounded_up: bool, count: int
) -> None:
    (query,) = known_albums.covers(1)
    (first,) = catalog.search(query, k=1, filters=Filters())
    shown = round(first.similarity, 6)

    page = catalog.search(query, k=10, filters=Filters(), min_similarity=shown + 1e-7 * rounded_up)

    assert len(page) == count
    assert page.exhausted


def test_a_page_after_the_last_album_is_empty_and_exhausted(
    catalog: Catalog, known_albums: KnownAlbums
) -> None:
    (query,) = known_albums.covers(1)

    page = catalog.search(query, k=10, offset=OFFSET_MAX, filters=Filters(genres=(RARE,)))

    assert page == []
    assert page.exhausted


@pytest.fixture
def poor_index(database_url: str, known_albums: KnownAlbums) -> Iterator[PostgresCatalog]:
    """The known albums with an HNSW index that misses many albums."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET cover_search.exact_up_to = 0").format(
                sql.Identifier(database_url.rpartition("/")[2])
            )
        )
        connection.execute("DROP INDEX album_covers_embedding_hnsw")
        write(connection, known_albums.rows)
        connection.execute(
            "CREATE INDEX album_covers_embedding_hnsw ON album_covers USING hnsw "
            "((embedding::halfvec(512)) halfvec_cosine_ops) WITH (m = 2, ef_construction = 4)"
        )
        connection.execute("VACUUM ANALYZE album_covers")
    with closing(PostgresCatalog(database_url, timeout_s=TIMEOUT_S, connections=1)) as catalog:
        yield catalog


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(year_min=1980),
        Filters(genres=("Rock",)),
        Filters(metadata=(("label", "Label 1"), ("tags", "vinyl"))),
    ],
    ids=["no filter", "years", "genre", "metadata"],
)
def test_pages_neither_repeat_nor_skip_an_album_even_if_the_index_misses_albums(
    poor_index: PostgresCatalog, known_albums: KnownAlbums, filters: Filters
) -> None:
    check = passes(filters)
    missed = 0

    for query in [*known_albums.covers(3), *known_albums.texts(1)]:
        ranking = known_albums.nearest(query, RANKS_MAX, passing=check)
        one = partial(poor_index.search, query, filters=filters)
        by_25, by_50, mixed = (laid_end_to_end(one, sizes) for sizes in ([25], [50], [2, 31, 17]))
        missed += len({*ranking[:50]} - {*by_50[:50]})

        for found in (by_25, by_50, mixed):
            assert len({*found}) == len(found)
        # Whatever the sizes of the pages, they are parts of the same ranking.
        for end in range(50, min(len(ranking), OFFSET_MAX), 50):
            assert {*by_25[:end]} == {*by_50[:end]} == {*mixed[:end]}
        if len(ranking) < OFFSET_MAX:
            assert {*by_25} == {*by_50} == {*mixed} == {*ranking}
    # Otherwise this test proves nothing.
    assert missed > 0


def test_pages_of_an_index_scan_have_a_recall_of_0_99(
    known_albums_urls: dict[str, str], known_albums: KnownAlbums
) -> None:
    recalls = []
    with closing(PostgresCatalog(known_albums_urls["walk"], timeout_s=TIMEOUT_S, connections=1)) as catalog:
        for query in [*known_albums.covers(10), *known_albums.texts(10)]:
            ranking = known_albums.nearest(query, 100, passing=passes(Filters()))
            for offset in range(0, 100, 10):
                page = ids(catalog.search(query, k=10, offset=offset, filters=Filters()))
                recalls.append(len({*page} & {*ranking[offset : offset + 10]}) / 10)

    assert np.mean(recalls) >= 0.99
