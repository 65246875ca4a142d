"""Each way in which a PostgreSQL can be wrong has its own error, found within the time agreed."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import psycopg
import pytest

from common.catalog.postgres import PostgresCatalog
from common.errors import CatalogError, CatalogMisconfigured, CatalogUnavailable
from common.queries import Filters
from local.servers.postgres import PostgresServer

QUERY = np.ones(512, dtype=np.float32)


@pytest.fixture
def opened(database_url: str) -> Iterator[PostgresCatalog]:
    with opening(database_url) as catalog:
        yield catalog


@contextmanager
def opening(url: str, *, timeout_s: float = 5.0, connections: int = 2) -> Iterator[PostgresCatalog]:
    catalog = PostgresCatalog(url, timeout_s=timeout_s, connections=connections)
    try:
        yield catalog
    finally:
        catalog.close()


def search(catalog: PostgresCatalog) -> None:
    catalog.search(QUERY, k=3, filters=Filters())


def backend_pids(database_url: str) -> list[int]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    return [row[0] for row in rows]


def wait_until_blocked(connection: psycopg.Connection) -> None:
    deadline = time.monotonic() + 10
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    while connection.execute(waiting).fetchone() == (0,):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("DROP FUNCTION search_albums", "rpc_missing"),
        ("DROP TABLE album_covers", "table_missing"),
        ("ALTER TABLE album_covers DROP COLUMN genre CASCADE", "table_missing"),
    ],
)
def test_what_is_missing_is_named(
    opened: PostgresCatalog, execute: Callable[[str], None], broken: str, problem: str
) -> None:
    search(opened)
    execute(broken)

    with pytest.raises(CatalogMisconfigured, match="catalog/schema") as raised:
        search(opened)

    assert raised.value.problem == problem
    assert not raised.value.retryable


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("DROP EXTENSION vector CASCADE", "pgvector_missing"),
        ("DROP TABLE album_covers", "table_missing"),
        ("DROP FUNCTION album_stats", "rpc_missing"),
        ("DROP FUNCTION catalog_check", "rpc_missing"),
        (
            "ALTER TABLE album_covers DROP COLUMN embedding, ADD COLUMN embedding vector(768)",
            "wrong_dimension",
        ),
    ],
)
def test_the_check_tells_what_is_not_in_place(
    opened: PostgresCatalog, execute: Callable[[str], None], broken: str, problem: str
) -> None:
    opened.check()
    execute(broken)

    with pytest.raises(CatalogMisconfigured) as raised:
        opened.check()

    assert raised.value.problem == problem


def test_a_url_user_password_or_database_that_is_wrong_is_told_so(
    postgres_server: PostgresServer, database_url: str
) -> None:
    urls = {
        "postgresql://u:hush@[::1/x": "bad_url",
        "postgresql://u:hush@127.0.0.1/x?nonsense=hush": "bad_url",
        postgres_server.url(password="hush"): "bad_key",
        postgres_server.url(user="nobody-here"): "bad_key",
        postgres_server.url("no_such_database"): "wrong_database",
    }

    for url, problem in urls.items():
        with opening(url) as catalog, pytest.raises(CatalogMisconfigured) as raised:
            search(catalog)
        assert raised.value.problem == problem
        assert "hush" not in "".join(traceback.format_exception(raised.value)) + repr(catalog)


def test_a_role_without_the_right_to_call_is_told_so(
    postgres_server: PostgresServer, database_url: str, execute: Callable[[str], None]
) -> None:
    execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    url = postgres_server.url(database_url.rpartition("/")[2], user="stranger", password="stranger")

    with opening(url) as catalog, pytest.raises(CatalogMisconfigured) as raised:
        search(catalog)

    assert raised.value.problem == "not_service_role"


def test_a_server_that_is_not_there_is_found_out_at_once(postgres_server: PostgresServer) -> None:
    with (
        opening("postgresql://u:p@127.0.0.1:1/x", timeout_s=30.0) as catalog,
        pytest.raises(CatalogUnavailable, match="refused") as raised,
    ):
        search(catalog)

    assert raised.value.retryable


def test_a_statement_that_takes_too_long_is_ended(database_url: str) -> None:
    with opening(database_url, timeout_s=0.5) as catalog, psycopg.connect(database_url) as blocking:
        search(catalog)
        blocking.execute("LOCK TABLE album_covers IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CatalogUnavailable):
            search(catalog)
        blocking.rollback()

        search(catalog)


def test_a_server_that_froze_is_not_waited_for(database_url: str) -> None:
    with opening(database_url, timeout_s=1.0) as catalog:
        search(catalog)
        (pid,) = backend_pids(database_url)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(CatalogUnavailable, match="within 1 s"):
                search(catalog)

            search(catalog)
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_connection_that_died_while_idle_is_replaced_unseen(
    opened: PostgresCatalog, database_url: str
) -> None:
    search(opened)
    with psycopg.connect(database_url) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()

    search(opened)

    assert ended == (1,)


def test_a_connection_lost_in_a_call_is_an_error_that_may_pass(
    opened: PostgresCatalog, database_url: str
) -> None:
    raised: list[BaseException] = []

    def call() -> None:
        try:
            search(opened)
        except CatalogError as error:
            raised.append(error)

    with psycopg.connect(database_url) as blocking:
        search(opened)
        blocking.execute("LOCK TABLE album_covers IN ACCESS EXCLUSIVE MODE")
        thread = threading.Thread(target=call)
        thread.start()
        wait_until_blocked(blocking)
        blocking.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        thread.join(30)

    assert [type(error) for error in raised] == [CatalogUnavailable]
    search(opened)


def test_connections_are_bounded_and_the_wait_for_one_is_too(database_url: str) -> None:
    with (
        opening(database_url, timeout_s=1.0, connections=1) as catalog,
        catalog._connections.lend(),
        pytest.raises(CatalogUnavailable, match="busy"),
    ):
        search(catalog)


def test_connections_are_kept_and_given_back(opened: PostgresCatalog, database_url: str) -> None:
    search(opened)
    first = backend_pids(database_url)
    for _ in range(5):
        search(opened)

    assert backend_pids(database_url) == first
    assert len(first) == 1
