"""Fixtures of a whole service (gateway, worker, Redis, PostgreSQL) whose catalog also has other writers."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psycopg
import pytest
from redis import Redis

from catalog.writer.album_row import AlbumRow, upsert_albums
from common.redis import keyspace
from common.settings import load_settings
from local.gateway_and_worker import worker_service
from local.servers.redis import RedisServer
from local.servers.supabase import SupabaseServer
from tests.polling import eventually
from tests.running_gateway import RunningGateway

ALBUMS = 20
START_S = 60.0
MARKER = "marker"


@dataclass(frozen=True, slots=True)
class ServiceUnderTest:
    """A running service, and the database that a test changes."""

    client: httpx.Client
    gateway: RunningGateway
    redis: Redis
    database_url: str
    #: The environment variables that another process needs to connect to the catalog.
    environ: dict[str, str]

    def run(self, statements: str) -> None:
        """Execute the SQL statements one by one, from outside the service."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            for statement in statements.split("; "):
                connection.execute(statement.encode())

    def until_seen(self, *, hurry: bool = False) -> None:
        """Wait until the gateway has read the catalog version; `hurry` asks the gateway to read at once."""
        now = time.monotonic()
        if hurry:
            self.redis.publish(keyspace.CATALOG_EVENTS, b"look")
        eventually(lambda: self.gateway.gateway.version.seen_at > now)


@pytest.fixture
def filled(database_url: str) -> str:
    """The URL of a catalog with a few albums, one of which the tests change."""
    with psycopg.connect(database_url) as connection:
        upsert_albums(connection, albums())
    return database_url


def albums(artist: str = "0") -> list[AlbumRow]:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((ALBUMS, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [MARKER, *(str(n) for n in range(1, ALBUMS))]
    return [
        AlbumRow(id=album_id, embedding=vector, artist=artist, album_name="N")
        for album_id, vector in zip(ids, vectors, strict=True)
    ]


@pytest.fixture(params=["postgres", "supabase"])
def service(
    request: pytest.FixtureRequest, filled: str, redis: Redis, redis_server: RedisServer, tmp_path: Path
) -> Iterator[ServiceUnderTest]:
    environ = {"REDIS_URL": redis_server.url, "DATABASE_URL": filled}
    if request.param == "supabase":
        server: SupabaseServer = request.getfixturevalue("supabase_server")
        del environ["DATABASE_URL"]
        environ |= {"SUPABASE_URL": server.url, "SUPABASE_KEY": server.service_key}
    own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ENCODER": "fixed"}
    worker = worker_service(tmp_path, {**own, **environ}, timeout_s=START_S)
    worker.start()
    gateway = RunningGateway(load_settings({**environ, "PORT": "0"}), None)
    gateway.start()
    try:
        eventually(lambda: gateway.gateway.version.is_known)
        with gateway.client() as client:
            yield ServiceUnderTest(client, gateway, redis, filled, environ)
    finally:
        gateway.stop()
        worker.stop()
