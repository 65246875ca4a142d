"""If several tools try to build the index at the same time, one tool builds it and the others use it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg

from catalog.database.vector_index import build_index, drop_index_if_empty
from common.catalog.postgres_connections import open_connection


def test_concurrent_tools_build_the_index_once(database_url: str) -> None:
    with open_connection(database_url, autocommit=True) as connection:
        drop_index_if_empty(connection)
        connection.execute(
            "INSERT INTO album_covers (id, artist, album_name, embedding) "
            "SELECT n::text, 'a', 'b', array_agg(random())::vector "
            "FROM generate_series(1, 300) n, generate_series(1, 512) GROUP BY n"
        )

    def build(_: int) -> bool:
        with open_connection(database_url, autocommit=True) as writable:
            return build_index(writable) is not None

    with ThreadPoolExecutor(4) as threads:
        built = list(threads.map(build, range(4)))

    assert built.count(True) == 1
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'album_covers_embedding_hnsw'::regclass"
        ).fetchone()
    assert found == (True,)


def test_concurrent_tools_drop_the_index_of_an_empty_table(database_url: str) -> None:
    start = threading.Barrier(4)

    def drop(_: int) -> bool:
        with open_connection(database_url, autocommit=True) as writable:
            start.wait()
            return drop_index_if_empty(writable)

    for _ in range(10):
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(drop, range(4))) == [True] * 4
        with open_connection(database_url, autocommit=True) as writable:
            build_index(writable)
