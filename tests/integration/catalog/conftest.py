"""Fixtures of catalogs with the same known albums, on real PostgreSQL and PostgREST servers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog
from common.catalog.supabase import SupabaseCatalog
from local.servers.pgbouncer import PgBouncerServer
from local.servers.postgres import PostgresServer
from local.servers.supabase import SupabaseConfig, SupabaseServer
from tests.integration.catalog.known_catalog import KnownAlbums, paint, palette_of, write

WORLD_SIZE = 3000
TIMEOUT_S = 10.0

#: The ways to connect to a catalog; `pgbouncer` is PostgreSQL behind PgBouncer in transaction mode.
IMPLEMENTATIONS = ("postgres", "pgbouncer", "supabase")
#: Maps each search mode to a value of the database setting that limits the cost of an exact scan.
WAYS = {"exact": "1000000", "walk": "0"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A catalog client, and the URL of its database."""

    catalog: Catalog
    database_url: str


@pytest.fixture(scope="session")
def known_albums() -> KnownAlbums:
    return KnownAlbums(WORLD_SIZE)


@pytest.fixture(scope="session")
def known_albums_urls(postgres_server: PostgresServer, known_albums: KnownAlbums) -> dict[str, str]:
    """The URL of a database with the known albums for each search mode; tests must not change the albums."""
    urls: dict[str, str] = {}
    for way, exact_up_to in WAYS.items():
        name = f"world_{way}"
        source = "catalog_template" if not urls else f"world_{next(iter(WAYS))}"
        with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
            )
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET cover_search.exact_up_to = {}").format(
                    sql.Identifier(name), sql.Literal(exact_up_to)
                )
            )
        if not urls:
            _fill(postgres_server.url(name), known_albums)
        urls[way] = postgres_server.url(name)
    return urls


@pytest.fixture(
    scope="session", params=[f"{implementation}-{way}" for implementation in IMPLEMENTATIONS for way in WAYS]
)
def catalog(
    request: pytest.FixtureRequest,
    known_albums_urls: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Catalog]:
    """A catalog client of each implementation, over the known albums in each search mode."""
    implementation, way = request.param.split("-")
    with ExitStack() as stack:
        opened = open_catalog(implementation, known_albums_urls[way], request, tmp_path_factory, stack)
        yield opened


@pytest.fixture(params=IMPLEMENTATIONS)
def writable(
    request: pytest.FixtureRequest, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """A catalog client of each implementation, over an empty catalog that only this test uses."""
    with ExitStack() as stack:
        opened = open_catalog(request.param, database_url, request, tmp_path_factory, stack)
        yield Opened(opened, database_url)


@pytest.fixture
def execute(database_url: str) -> Callable[[str], None]:
    """Return a function that runs SQL in the test's own database."""

    def run(statements: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(statements.encode())

    return run


def open_catalog(
    implementation: str,
    url: str,
    request: pytest.FixtureRequest,
    folders: pytest.TempPathFactory,
    stack: ExitStack,
) -> Catalog:
    catalog: Catalog
    if implementation == "supabase":
        server = stack.enter_context(SupabaseServer(SupabaseConfig(folders.mktemp("postgrest"), url)))
        catalog = SupabaseCatalog(server.url, server.service_key, timeout_s=TIMEOUT_S, connections=4)
    else:
        if implementation == "pgbouncer":
            pooler: PgBouncerServer = request.getfixturevalue("pgbouncer_server")
            url = pooler.url(url.rpartition("/")[2])
        catalog = PostgresCatalog(url, timeout_s=TIMEOUT_S, connections=4)
    stack.callback(catalog.close)
    return catalog


def _fill(url: str, known_albums: KnownAlbums) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # The index is built once, over all rows, as in a first load.
        row = connection.execute("SELECT pg_get_indexdef('album_covers_embedding_hnsw'::regclass)").fetchone()
        assert row is not None
        connection.execute("DROP INDEX album_covers_embedding_hnsw")
        write(connection, known_albums.rows)
        paint(connection, {r.id: palette for r in known_albums.rows if (palette := palette_of(r))})
        connection.execute(row[0].encode())
        connection.execute("VACUUM ANALYZE album_covers")
