"""Applies the SQL files of the schema that a database lacks.

Every file is safe to run again. A file that changed is applied again, with all files after it. The file that
makes the triggers is also applied again if a restore disabled them. The files may also be pasted into
Supabase's SQL editor, in order.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from common.catalog.postgres_connections import open_connection

SCHEMA_DIR = Path(__file__).parents[1] / "schema"
#: Key of the advisory lock that makes two processes apply the schema one after the other.
LOCK_KEY = 0x616C62756D73
#: The file that makes the triggers which record every change of the albums.
CHANGES = "006_changes.sql"

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
    """One SQL file and the SHA-256 of its text."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return the schema's files in the order of application."""
    return [Migration(path.name, path.read_text()) for path in sorted(SCHEMA_DIR.glob("[0-9]*.sql"))]


def apply_migrations(database_url: str) -> list[str]:
    """Bring a database up to date in one transaction and return the names of the files applied."""
    with open_connection(database_url) as connection:
        # Rewriting a table takes longer than the statement timeout of hosted databases.
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        connection.execute(_LEDGER)
        pending = _pending(connection)
        for migration in pending:
            run_file(connection, migration)
            connection.execute(_RECORD, [migration.name, migration.checksum])
    return [migration.name for migration in pending]


def run_file(connection: psycopg.Connection[Any], migration: Migration) -> None:
    """Run a file inside the caller's transaction."""
    # Without parameters psycopg sends a file of many statements unchanged.
    connection.execute(migration.sql.encode())
    # The file sets it for the session, and behind a pooler another client gets the session next.
    connection.execute("RESET search_path")


def _pending(connection: psycopg.Connection[tuple[str, str]]) -> list[Migration]:
    applied = dict(connection.execute("SELECT name, checksum FROM public.catalog_migrations").fetchall())
    files = migrations()
    for position, migration in enumerate(files):
        is_applied = applied.get(migration.name) == migration.checksum
        if not is_applied or (migration.name == CHANGES and not _notes_changes(connection)):
            return files[position:]
    return []


def _notes_changes(connection: psycopg.Connection[tuple[str, str]]) -> bool:
    row = connection.execute("SELECT catalog_version()").fetchone()
    return row is not None and row[0] is not None
