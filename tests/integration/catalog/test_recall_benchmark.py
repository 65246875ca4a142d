"""The recall benchmark reports correct figures for a small catalog."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from benchmarks.recall.albums import FILTERS, Albums
from benchmarks.recall.catalog_load_time import copy_albums
from benchmarks.recall.measurement import measure
from benchmarks.recall.query_plans import PlanReader
from benchmarks.recall.searches import plans_of
from common.filters import Filters, filters_document

COUNT = 1000


@pytest.fixture(scope="module")
def albums() -> Albums:
    return Albums(COUNT)


@pytest.fixture
def loaded(database_url: str, albums: Albums) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        copy_albums(connection, albums)
        connection.execute("VACUUM ANALYZE album_covers")
        yield connection


def test_albums_copied_in_binary_format_are_unchanged(loaded: psycopg.Connection, albums: Albums) -> None:
    row = loaded.execute(
        "SELECT embedding::text, genres, release_year, (pitchfork_score * 10)::int, best_new_music "
        "FROM album_covers WHERE id = %s",
        [albums.id(7)],
    ).fetchone()

    assert row is not None
    vector = np.array(row[0].strip("[]").split(","), dtype=np.float32)
    assert np.array_equal(vector, albums.vectors[7])
    expected = (albums.all_genres(7), albums.years[7], albums.score_tenths[7], albums.best_new_music[7])
    assert row[1:] == expected


@pytest.mark.parametrize(("exact_up_to", "walks"), [(0, True), (10**6, False)])
def test_the_reported_plan_is_the_executed_one(
    loaded: psycopg.Connection, albums: Albums, exact_up_to: int, walks: bool
) -> None:
    queries = albums.queries(3)["image"]
    loaded.execute(f"SET cover_search.exact_up_to = {exact_up_to}".encode())

    reported = plans_of(PlanReader(loaded), queries, k=10, filters=Filters())

    walk = "Index Scan album_covers_embedding_hnsw, then "
    assert reported.startswith(f"3 of 3: {walk if walks else 'Seq Scan'}")
    assert ("hnsw" in reported) is walks


def test_a_search_without_filters_costs_the_pages_of_the_table(
    loaded: psycopg.Connection, albums: Albums
) -> None:
    queries = albums.queries(1)["image"]
    (pages,) = loaded.execute("SELECT pg_relation_size('album_covers') / 8192").fetchone() or (0,)

    loaded.execute(f"SET cover_search.exact_up_to = {pages}".encode())
    at_the_limit = plans_of(PlanReader(loaded), queries, k=10, filters=Filters())
    loaded.execute(f"SET cover_search.exact_up_to = {pages - 1}".encode())
    above_the_limit = plans_of(PlanReader(loaded), queries, k=10, filters=Filters())

    assert "hnsw" not in at_the_limit
    assert "hnsw" in above_the_limit


def test_filters_select_the_same_albums_in_numpy_and_sql(loaded: psycopg.Connection, albums: Albums) -> None:
    for filters in FILTERS.values():
        found = loaded.execute(
            "SELECT count(*) FROM album_covers a WHERE album_passes(a.genre, a.genre_keys, a.artist, "
            "a.artist_key, a.release_year, a.pitchfork_score, a.best_new_music, a.metadata, "
            "a.colour_cells, read_filters(%s))",
            [Jsonb(filters_document(filters))],
        ).fetchone()

        assert found == (albums.passing(filters).sum(),)


def test_a_small_catalog_has_full_recall_and_unique_row_names(tmp_path: Path) -> None:
    rows = list(measure(tmp_path / "postgres", sizes=(COUNT,), queries=2))

    names = [row.name for row in rows]
    recalls = [row for row in rows if row.name.startswith("catalog.recall.")]
    assert len(set(names)) == len(names)
    assert {f"catalog.load.{COUNT}.copy", f"catalog.load.{COUNT}.upsert"} <= set(names)
    assert {row.value for row in recalls} == {1.0}
    assert len(recalls) == len(FILTERS) * 2 * 2
    assert all(row.met for row in rows)
