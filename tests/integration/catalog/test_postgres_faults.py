"""Each PostgreSQL fault raises a different error within the time limit."""

import os
import re
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import numpy as np
import psycopg
import pytest
from psycopg import sql
from psycopg.waiting import Wait

from catalog.database.migrations import migrations
from common.catalog.postgres import PostgresCatalog
from common.catalog.postgres_connections import BoundedConnection, _in_one_write
from common.errors import CatalogError, CatalogMisconfigured, CatalogTimeout, CatalogUnavailable
from common.filters import Filters
from common.settings import load_settings
from local.servers.pgbouncer import PgBouncerServer
from local.servers.postgres import PostgresServer
from tests.polling import eventually

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
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    eventually(lambda: connection.execute(waiting).fetchone() != (0,), within_s=10)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("DROP FUNCTION ranked_albums", "rpc_missing"),
        ("DROP TABLE album_covers", "table_missing"),
        ("ALTER TABLE album_covers DROP COLUMN genre CASCADE", "table_missing"),
    ],
)
def test_a_missing_database_object_is_named(
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
def test_the_check_names_each_misconfiguration(
    opened: PostgresCatalog, execute: Callable[[str], None], broken: str, problem: str
) -> None:
    opened.check()
    execute(broken)

    with pytest.raises(CatalogMisconfigured) as raised:
        opened.check()

    assert raised.value.problem == problem


@pytest.mark.parametrize(
    "function",
    ["read_filters", "ranked_albums", "match_embeddings", "facet_columns", "color_cell", "named_albums"],
)
def test_the_check_names_a_missing_function(
    opened: PostgresCatalog, execute: Callable[[str], None], function: str
) -> None:
    execute(f"DROP FUNCTION {function} CASCADE")

    with pytest.raises(CatalogMisconfigured, match=rf"[( ]{function}[,)]") as raised:
        opened.check()

    assert raised.value.problem == "rpc_missing"


def test_the_check_knows_every_function_of_a_search() -> None:
    schema = {migration.name: migration.sql for migration in migrations()}
    reading = ("002_search.sql", "006_embeddings_of_results.sql", "007_versioned_search.sql")
    created = {
        name
        for file in reading
        for name in re.findall(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)", schema[file], re.MULTILINE)
    }
    checked = re.search(r"FROM unnest\(ARRAY\[(.*?)\]\) name", schema["003_read_functions.sql"], re.DOTALL)
    assert checked is not None

    assert created <= {*re.findall(r"'(\w+)'", checked[1])}


def test_a_wrong_url_user_password_or_database_is_named(
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


def test_a_role_without_execute_privilege_is_named(
    postgres_server: PostgresServer, database_url: str, execute: Callable[[str], None]
) -> None:
    execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    url = postgres_server.url(database_url.rpartition("/")[2], user="stranger", password="stranger")

    with opening(url) as catalog, pytest.raises(CatalogMisconfigured) as raised:
        search(catalog)

    assert raised.value.problem == "not_service_role"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("sslmode=require", "does not support SSL"),
        ("target_session_attrs=whatever", "invalid target_session_attrs"),
    ],
)
def test_an_invalid_url_option_is_a_permanent_error(database_url: str, options: str, says: str) -> None:
    with opening(f"{database_url}?{options}") as catalog, pytest.raises(CatalogMisconfigured) as raised:
        search(catalog)

    assert raised.value.problem == "bad_url"
    assert says in raised.value.detail


def test_the_first_reachable_host_of_several_is_used(database_url: str) -> None:
    address = database_url.partition("@")[2]

    with opening(database_url.replace(address, f"127.0.0.1:1,{address}")) as catalog:
        search(catalog)


def test_special_characters_in_credentials_and_sockets_work(
    postgres_server: PostgresServer, pgbouncer_server: PgBouncerServer, database_url: str
) -> None:
    name, password = "re@der:/?#%", "p@ss:w/o?r#d%2F&=+;'\" é"
    with psycopg.connect(database_url) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(password)
            )
        )
    database = database_url.rpartition("/")[2]
    user = f"{quote(name, safe='')}:{quote(password, safe='')}"
    urls = (
        f"postgresql://{user}@127.0.0.1:{postgres_server.port}/{database}",
        pgbouncer_server.socket_url(database),
    )

    for url in urls:
        settings = load_settings({"DATABASE_URL": url})
        assert settings.database_url is not None
        with opening(settings.database_url.get_secret_value()) as catalog:
            search(catalog)


def test_an_unreachable_server_fails_at_once(postgres_server: PostgresServer) -> None:
    with (
        opening("postgresql://u:p@127.0.0.1:1/x", timeout_s=30.0) as catalog,
        pytest.raises(CatalogUnavailable, match="refused") as raised,
    ):
        search(catalog)

    assert raised.value.retryable


@pytest.fixture(params=["database_url", "pooled_url"])
def either_url(request: pytest.FixtureRequest, database_url: str) -> str:
    """The URL of the test's database, directly or through PgBouncer in transaction mode."""
    return str(request.getfixturevalue(request.param))


def test_a_statement_over_the_time_limit_is_canceled(either_url: str, database_url: str) -> None:
    with opening(either_url, timeout_s=0.5) as catalog, psycopg.connect(database_url) as blocking:
        search(catalog)
        blocking.execute("LOCK TABLE album_covers IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CatalogTimeout):
            search(catalog)
        blocking.rollback()

        search(catalog)


def test_the_statement_timeout_applies_only_to_the_call(either_url: str) -> None:
    bound = "SELECT current_setting('statement_timeout') AS bound"
    with opening(either_url, timeout_s=0.5) as catalog, catalog._connections.lend() as connection:
        during = connection.call(bound.encode(), [])
        after = connection.execute(bound)

        with connection.transaction():
            connection.bound_transaction()
            in_a_transaction = connection.execute(bound).fetchall()

    assert during == in_a_transaction == [{"bound": "500ms"}]
    assert after.fetchall() == [{"bound": "0"}]


def sleep_too_long(connection: BoundedConnection) -> None:
    connection._run((b"SELECT set_config('statement_timeout', '50', true)", []), (b"SELECT pg_sleep(30)", []))


def test_a_call_sends_everything_before_it_first_waits(either_url: str) -> None:
    with opening(either_url) as catalog, catalog._connections.lend() as connection:
        call = _in_one_write(connection.pgconn, [(b"SELECT 1", []), (b"SELECT 2", [])])

        waits_for = next(call)
        connection.close()

    assert waits_for == Wait.R


def test_a_connection_is_usable_after_a_canceled_call(either_url: str) -> None:
    with opening(either_url, timeout_s=5.0) as catalog, catalog._connections.lend() as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            sleep_too_long(connection)

        assert connection.usable
        assert connection.execute("SELECT 1 AS one").fetchall() == [{"one": 1}]


def test_a_frozen_server_times_out(database_url: str) -> None:
    with opening(database_url, timeout_s=1.0) as catalog:
        search(catalog)
        (pid,) = backend_pids(database_url)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(CatalogTimeout, match="within 1 s"):
                search(catalog)

            search(catalog)
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_dead_idle_connection_is_replaced_transparently(opened: PostgresCatalog, database_url: str) -> None:
    search(opened)
    with psycopg.connect(database_url) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()

    search(opened)

    assert ended == (1,)


def test_a_connection_lost_during_a_call_is_a_retryable_error(either_url: str, database_url: str) -> None:
    with opening(either_url) as opened:
        lose_a_connection_in_a_call(opened, database_url)
        search(opened)


def lose_a_connection_in_a_call(opened: PostgresCatalog, database_url: str) -> None:
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


def test_the_number_of_connections_and_the_wait_for_one_are_bounded(database_url: str) -> None:
    with (
        opening(database_url, timeout_s=1.0, connections=1) as catalog,
        catalog._connections.lend(),
        pytest.raises(CatalogUnavailable, match="busy"),
    ):
        search(catalog)


def test_connections_are_reused_and_closed(opened: PostgresCatalog, database_url: str) -> None:
    search(opened)
    first = backend_pids(database_url)
    for _ in range(5):
        search(opened)

    assert backend_pids(database_url) == first
    assert len(first) == 1
