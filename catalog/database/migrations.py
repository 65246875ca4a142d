"""Applies the SQL files of the schema that were not yet applied to a database, or have changed since.

Every SQL file may be applied again. A changed file is applied again together with all files after it. The
files that create triggers are also applied again if restoring a backup disabled the triggers. An operator
may also paste the files into Supabase's SQL editor, in the order of their names.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from common.catalog.postgres_connections import open_connection

SCHEMA_DIR = Path(__file__).parents[1] / "schema"
#: The key of the advisory lock under which only one process at a time applies the schema.
LOCK_KEY = 0x616C62756D73
#: The name of the SQL file whose triggers record every change of the albums.
CHANGES = "006_catalog_version.sql"
#: The name of the SQL file whose triggers keep the names of albums, by which albums are found, up to date.
NAMES = "006_normalised_album_names.sql"
#: The number of albums whose names are computed in one transaction. No album can be changed during the
#: transaction.
NAMES_PAGE = 1000

_LEDGER = """
CREATE TABLE IF NOT EXISTS public.catalog_migrations (
  name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_RECORD = """
INSERT INTO public.catalog_migrations (name, checksum) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now()
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file of the schema."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return the schema's SQL files in the order in which they are applied."""
    return [Migration(path.name, path.read_text()) for path in sorted(SCHEMA_DIR.glob("[0-9]*.sql"))]


def apply_migrations(database_url: str) -> list[str]:
    """Update a database's schema in one transaction and return the names of the applied files.

    The names of albums are computed after this transaction, because searches wait for the transaction.
    """
    with open_connection(database_url) as connection:
        # The timeout is disabled, because rewriting a table takes longer than the default timeout of hosted
        # databases.
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        connection.execute("SET LOCAL cover_search.names_later = on")
        connection.execute(_LEDGER)
        pending = _pending(connection)
        for migration in pending:
            run_file(connection, migration)
            connection.execute(_RECORD, [migration.name, migration.checksum])
    fill_names(database_url)
    return [migration.name for migration in pending]


def fill_names(database_url: str) -> None:
    """Compute the names of albums by which albums are found, unless the names are complete.

    Searches continue during the computation. If it is interrupted, the next call completes it.
    """
    with open_connection(database_url) as connection:
        if _is_true(connection, "SELECT public.names_are_complete()"):
            return
        last_id = _fill_page(connection, None)
        while last_id is not None:
            last_id = _fill_page(connection, last_id)
        connection.execute("SELECT public.finish_album_names()")
        connection.execute("ANALYZE public.album_names")


def _fill_page(connection: psycopg.Connection[Any], after_id: str | None) -> str | None:
    connection.execute("SET LOCAL statement_timeout = 0")
    row = connection.execute("SELECT public.fill_album_names(%s, %s)", [after_id, NAMES_PAGE]).fetchone()
    connection.commit()
    last_id: str | None = None if row is None else row[0]
    return last_id


def run_file(connection: psycopg.Connection[Any], migration: Migration) -> None:
    """Run an SQL file inside the caller's transaction."""
    # If there are no parameters, psycopg sends a file with many statements unchanged.
    connection.execute(migration.sql.encode())
    # The file has set search_path for the session, and a pooler may give the session to another client next.
    connection.execute("RESET search_path")


def _pending(connection: psycopg.Connection[tuple[str, str]]) -> list[Migration]:
    applied = dict(connection.execute("SELECT name, checksum FROM public.catalog_migrations").fetchall())
    files = migrations()
    for position, migration in enumerate(files):
        is_applied = applied.get(migration.name) == migration.checksum
        if not is_applied or (migration.name == CHANGES and not _notes_changes(connection)):
            return files[position:]
        if migration.name == NAMES and not _follows_names(connection):
            return files[position:]
    return []


def _notes_changes(connection: psycopg.Connection[Any]) -> bool:
    return _is_true(connection, "SELECT catalog_version() IS NOT NULL")


def _follows_names(connection: psycopg.Connection[Any]) -> bool:
    return _is_true(connection, "SELECT follows_album_names()")


def _is_true(connection: psycopg.Connection[Any], query: LiteralString) -> bool:
    row = connection.execute(query).fetchone()
    return row is not None and bool(row[0])
