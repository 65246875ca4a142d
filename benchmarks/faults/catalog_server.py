"""The PostgreSQL server that all faults share, with a separate catalog for each fault."""

from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import numpy as np
import psycopg
from psycopg import sql

from catalog.database.migrations import apply_migrations
from catalog.writer.album_row import AlbumRow, upsert_albums
from local.servers.postgres import PostgresConfig, PostgresServer
from local.servers.server import free_port
from local.servers.supabase import AUTHENTICATOR_PASSWORD
from local.servers.supabase_roles import create_roles

TEMPLATE = "faults_template"
ALBUMS = 200


class CatalogServer:
    """A PostgreSQL server on a fixed port, so that clients can reconnect after a restart."""

    def __init__(self, folder: Path) -> None:
        self.postgres = PostgresServer(PostgresConfig(folder, port=free_port(), durable=False))

    def __enter__(self) -> Self:
        self.postgres.start()
        self._create(TEMPLATE, template="template1")
        url = self.postgres.url(TEMPLATE)
        create_roles(url, authenticator_password=AUTHENTICATOR_PASSWORD)
        apply_migrations(url)
        with psycopg.connect(url) as connection:
            upsert_albums(connection, _albums())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.postgres.stop()

    def new_catalog(self) -> str:
        """Return the URL of a new catalog of 200 albums."""
        name = f"fault_{uuid4().hex}"
        self._create(name, template=TEMPLATE)
        return self.postgres.url(name)

    def _create(self, name: str, *, template: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def _albums() -> list[AlbumRow]:
    vectors = np.random.default_rng(4).standard_normal((ALBUMS, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        AlbumRow(
            id=f"a{n}", embedding=vector, artist=f"Artist {n % 20}", album_name=f"Album {n}", genre="Rock"
        )
        for n, vector in enumerate(vectors)
    ]
