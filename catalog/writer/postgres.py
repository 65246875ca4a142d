"""Writes albums to PostgreSQL with psycopg."""

from collections.abc import Sequence

import psycopg
from psycopg.types.json import Jsonb

from catalog.writer.album_row import AlbumRow, row_fields, upsert_albums
from catalog.writer.sql_functions import TIMEOUT_S, FunctionWriter
from common.catalog.postgres import PostgresCatalog


class PostgresWriter(FunctionWriter, PostgresCatalog):
    """A catalog writer that connects to a database URL."""

    def __init__(self, database_url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(database_url, timeout_s=timeout_s, connections=4)

    def upsert(self, rows: Sequence[AlbumRow]) -> None:
        with self._connections.lend() as connection:
            try:
                with connection.transaction():
                    connection.bound_transaction()
                    upsert_albums(connection, rows)
            except psycopg.Error as error:
                raise self._fault(error, timed_out=connection.timed_out) from error

    def update(self, rows: Sequence[AlbumRow]) -> set[str]:
        return set(self._document("update_albums", {"albums": self._json([row_fields(row) for row in rows])}))

    def _json(self, value: object) -> object:
        return Jsonb(value)
