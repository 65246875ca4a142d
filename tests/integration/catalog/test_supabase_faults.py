"""Each Supabase fault raises a different error, which names the remedy and reveals no secret."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import psycopg
import pytest
from psycopg import sql

from common.catalog.supabase import SupabaseCatalog
from common.errors import CatalogError, CatalogMisconfigured, CatalogTimeout, CatalogUnavailable
from common.filters import Filters
from local.servers.postgres import PostgresServer
from local.servers.supabase import SupabaseServer
from local.servers.supabase_gateway import Answer
from local.servers.supabase_roles import make_key

QUERY = np.ones(512, dtype=np.float32)
OTHER_SECRET = "another-secret-of-more-than-32-characters"


@pytest.fixture
def opened(supabase_server: SupabaseServer) -> Iterator[SupabaseCatalog]:
    with opening(supabase_server.url, supabase_server.service_key) as catalog:
        yield catalog


@contextmanager
def opening(url: str, key: str, *, timeout_s: float = 5.0) -> Iterator[SupabaseCatalog]:
    catalog = SupabaseCatalog(url, key, timeout_s=timeout_s, connections=2)
    try:
        yield catalog
    finally:
        catalog.close()


def search(catalog: SupabaseCatalog) -> None:
    catalog.search(QUERY, k=3, filters=Filters())


def problem_of(call: Callable[[], object]) -> str:
    with pytest.raises(CatalogMisconfigured) as raised:
        call()
    assert not raised.value.retryable
    return raised.value.problem


def test_a_missing_function_is_named_with_its_remedy(
    opened: SupabaseCatalog, execute: Callable[[str], None]
) -> None:
    opened.check()
    execute("DROP FUNCTION ranked_albums; NOTIFY pgrst, 'reload schema'")

    with pytest.raises(CatalogMisconfigured, match="catalog/schema") as searched:
        search(opened)
    with pytest.raises(CatalogMisconfigured, match="ranked_albums") as checked:
        opened.check()

    assert searched.value.problem == checked.value.problem == "rpc_missing"


def test_two_overloads_of_a_function_count_as_missing(
    execute: Callable[[str], None], request: pytest.FixtureRequest
) -> None:
    execute(
        "CREATE FUNCTION albums_by_id(album_ids text[], more int DEFAULT 0) RETURNS int LANGUAGE sql RETURN 1"
    )
    # PostgREST starts after the change, so that it reads the schema with both functions.
    server: SupabaseServer = request.getfixturevalue("supabase_server")

    with opening(server.url, server.service_key) as catalog:
        assert problem_of(lambda: catalog.album("a")) == "rpc_missing"


def test_a_missing_table_is_named(opened: SupabaseCatalog, execute: Callable[[str], None]) -> None:
    execute("DROP TABLE album_covers")

    assert problem_of(lambda: search(opened)) == "table_missing"
    assert problem_of(opened.check) == "table_missing"


def test_missing_pgvector_is_named(opened: SupabaseCatalog, execute: Callable[[str], None]) -> None:
    execute("DROP EXTENSION vector CASCADE")

    assert problem_of(opened.check) == "pgvector_missing"


def test_vectors_of_another_dimension_are_named(
    opened: SupabaseCatalog, execute: Callable[[str], None]
) -> None:
    execute("ALTER TABLE album_covers DROP COLUMN embedding, ADD COLUMN embedding vector(768)")

    assert problem_of(opened.check) == "wrong_dimension"


def test_the_anon_key_is_recognized_before_it_is_sent(supabase_server: SupabaseServer) -> None:
    sent: list[str] = []
    supabase_server.gateway.intercept = sent.append

    with opening(supabase_server.url, supabase_server.anon_key) as catalog:
        problem = problem_of(lambda: search(catalog))

    assert problem == "not_service_role"
    assert sent == []


def test_the_database_itself_refuses_the_anon_key(supabase_server: SupabaseServer) -> None:
    headers = {
        "apikey": supabase_server.anon_key,
        "authorization": f"Bearer {supabase_server.anon_key}",
    }
    paths = ["rpc/album_stats", "rpc/album_genres", "rpc/catalog_check", "rpc/catalog_stamp"]

    with httpx.Client(base_url=f"{supabase_server.url}/rest/v1/", headers=headers) as client:
        calls = [client.post(path, json={}) for path in paths]
        table = client.get("album_covers")

    assert [call.json()["code"] for call in calls] == ["42501"] * len(paths)
    assert table.json()["code"] == "42501"


def test_a_role_without_execute_privilege_is_named(
    supabase_server: SupabaseServer, execute: Callable[[str], None]
) -> None:
    execute("REVOKE EXECUTE ON FUNCTION versioned_search FROM service_role")

    with opening(supabase_server.url, supabase_server.service_key) as catalog:
        assert problem_of(lambda: search(catalog)) == "not_service_role"


def test_an_unknown_key_is_refused(supabase_server: SupabaseServer) -> None:
    with opening(supabase_server.url, make_key("service_role", secret=OTHER_SECRET)) as catalog:
        assert problem_of(lambda: search(catalog)) == "bad_key"


def test_a_key_signed_for_another_project_is_refused(supabase_server: SupabaseServer) -> None:
    key = make_key("service_role", secret=OTHER_SECRET)
    supabase_server.gateway.keys |= {key}

    with opening(supabase_server.url, key) as catalog:
        assert problem_of(lambda: search(catalog)) == "bad_key"


@pytest.mark.parametrize(
    "url",
    ["", "xxxxx.supabase.co", "ftp://xxxxx.supabase.co", "https://", "http://[::1", "http://host:port"],
)
def test_an_invalid_url_is_named(url: str) -> None:
    with opening(url, make_key("service_role", secret=OTHER_SECRET)) as catalog:
        assert problem_of(lambda: search(catalog)) == "bad_url"


def test_a_server_that_is_not_supabase_is_named(supabase_server: SupabaseServer) -> None:
    with opening(f"{supabase_server.url}/elsewhere", supabase_server.service_key) as catalog:
        assert problem_of(lambda: search(catalog)) == "bad_url"


def test_an_html_page_instead_of_an_answer_is_named(
    supabase_server: SupabaseServer, opened: SupabaseCatalog
) -> None:
    page = Answer(200, b"<html>Welcome to the Wi-Fi</html>", {"content-type": "text/html"})
    supabase_server.gateway.intercept = lambda _: page

    assert problem_of(lambda: search(opened)) == "bad_url"
    assert problem_of(opened.check) == "bad_url"
    assert problem_of(opened.genres) == "bad_url"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_an_unreachable_server_is_a_retryable_error(url: str) -> None:
    with (
        opening(url, make_key("service_role", secret=OTHER_SECRET)) as catalog,
        pytest.raises(CatalogUnavailable) as raised,
    ):
        search(catalog)

    assert raised.value.retryable


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 522])
def test_a_busy_supabase_gateway_is_a_retryable_error(
    supabase_server: SupabaseServer, opened: SupabaseCatalog, status: int
) -> None:
    supabase_server.gateway.intercept = lambda _: Answer(status, b'{"message":"try later"}')
    with pytest.raises(CatalogUnavailable, match=str(status)):
        search(opened)

    supabase_server.gateway.intercept = None

    search(opened)


def test_the_client_itself_does_not_retry(supabase_server: SupabaseServer, opened: SupabaseCatalog) -> None:
    seen: list[str] = []

    def refuse(path: str) -> Answer:
        seen.append(path)
        return Answer(503, b"{}")

    supabase_server.gateway.intercept = refuse
    for call in (lambda: search(opened), opened.stats, opened.genres):
        with pytest.raises(CatalogUnavailable):
            call()

    assert len(seen) == 3


def test_a_postgrest_without_its_database_is_a_retryable_error(
    opened: SupabaseCatalog, postgres_server: PostgresServer, database_url: str
) -> None:
    search(opened)
    name = sql.Identifier(database_url.rpartition("/")[2])
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [name.as_string()[1:-1]],
        )

        with pytest.raises(CatalogUnavailable):
            search(opened)


def test_a_catalog_timeout_is_a_retryable_error(supabase_server: SupabaseServer, database_url: str) -> None:
    with (
        opening(supabase_server.url, supabase_server.service_key, timeout_s=0.5) as catalog,
        psycopg.connect(database_url) as blocking,
    ):
        search(catalog)
        blocking.execute("LOCK TABLE album_covers IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CatalogTimeout, match=r"within 0\.5 s"):
            search(catalog)
        blocking.rollback()

        search(catalog)


def test_no_error_shows_the_key(supabase_server: SupabaseServer, execute: Callable[[str], None]) -> None:
    other = make_key("service_role", secret=OTHER_SECRET)
    shown: list[str] = []
    cases = [
        (supabase_server.url, supabase_server.anon_key),
        (supabase_server.url, other),
        (f"{supabase_server.url}/elsewhere", supabase_server.service_key),
        ("http://127.0.0.1:1", other),
        ("nonsense", other),
        (supabase_server.url, "no key at all"),
        (supabase_server.url, supabase_server.service_key),
    ]
    execute("DROP TABLE album_covers")

    for url, key in cases:
        with opening(url, key) as catalog:
            shown.append(repr(catalog))
            with pytest.raises(CatalogError) as raised:
                search(catalog)
            shown.extend(traceback.format_exception(raised.value))

    secrets = {key.rpartition(".")[2] for _, key in cases}
    assert not [text for text in shown for secret in secrets if secret in text]
