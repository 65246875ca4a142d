"""Replaces the live table and its index with their copies, and changes the model stamp, in one transaction.

A search sees either the old table or the new table. The swap waits at most a second for running searches,
because new searches queue behind a waiting swap.
"""

import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from catalog.database.migrations import migrations, run_file
from catalog.database.vector_index import INDEX, TABLE, IndexBuild, build_index
from catalog.model_stamp import write_stamp
from catalog.reembedding.dependent_objects import reattach_statements, require_no_dependent_objects
from catalog.reembedding.shadow_table import NEXT, missing
from common.catalog.protocol import ModelStamp
from common.errors import CatalogUnavailable

NEXT_INDEX = "album_covers_next_embedding_hnsw"
_FILES_OF_THE_TABLE = (
    "001_albums.sql",
    "001_genres.sql",
    "001_metadata_and_artists.sql",
    "001_palettes.sql",
    "001_prints.sql",
    "001_thumbnails.sql",
    "004_access.sql",
    "006_catalog_version.sql",
)
#: Creates the triggers that keep `album_names` up to date; a schema of an earlier release has none.
_FOLLOW_NAMES = """
DO $$
BEGIN
  IF to_regproc('public.follow_album_names') IS NOT NULL THEN
    PERFORM public.follow_album_names();
  END IF;
END
$$
"""
_LOCK_WAIT = "1s"
_TRIES, _PAUSE_S = 30, 1.0


@dataclass(frozen=True, slots=True)
class SwapResult:
    """Whether the copy replaced the live table, and for how many seconds the tables were locked.

    The copy does not replace a live table that has newer rows.
    """

    done: bool
    locked_s: float = 0.0


def index_copy(connection: psycopg.Connection, *, memory_mib: int) -> IndexBuild | None:
    """Create the HNSW index over the embeddings, and every other index of the live table, on the copy."""
    built = build_index(connection, table=NEXT, index=NEXT_INDEX, memory_mib=memory_mib)
    for name, definition in _plain_indexes(connection):
        statement = definition.replace(f"INDEX {name} ", f"INDEX IF NOT EXISTS {_copy_index_name(name)} ", 1)
        connection.execute(statement.replace(f".{TABLE} ", f".{NEXT} ", 1).encode())
    connection.execute(f"VACUUM (ANALYZE) {NEXT}")
    return built


def switch(connection: psycopg.Connection, stamp: ModelStamp) -> SwapResult:
    """Replace the live table with the copy.

    Raises:
        CatalogUnavailable: other sessions locked the table at every try.
        CatalogError: the swap would lose objects that depend on the live table.
    """
    for _ in range(_TRIES):
        try:
            return _switch_once(connection, stamp)
        except psycopg.errors.LockNotAvailable:
            time.sleep(_PAUSE_S)
    raise CatalogUnavailable(
        f"{TABLE} was locked by other sessions at every attempt; run the command again to continue"
    )


def _switch_once(connection: psycopg.Connection, stamp: ModelStamp) -> SwapResult:
    indexes = [name for name, _ in _plain_indexes(connection)]
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
        connection.execute(f"LOCK TABLE {TABLE}, {NEXT} IN ACCESS EXCLUSIVE MODE")
        locked_at = time.monotonic()
        if missing(connection, after_id="", size=1):
            return SwapResult(done=False)
        # Check again, because objects that a swap would lose may have been created since the first check.
        require_no_dependent_objects(connection)
        reattach = reattach_statements(connection)
        connection.execute(f"DROP TABLE {TABLE}")
        connection.execute("DROP FUNCTION forget_next()")
        connection.execute("DROP TABLE catalog_reembedding")
        connection.execute(f"ALTER TABLE {NEXT} RENAME TO {TABLE}")
        connection.execute(f"ALTER INDEX {NEXT}_pkey RENAME TO {TABLE}_pkey")
        for name in [*indexes, INDEX]:
            copy_name = NEXT_INDEX if name == INDEX else _copy_index_name(name)
            connection.execute(
                sql.SQL("ALTER INDEX {} RENAME TO {}").format(sql.Identifier(copy_name), sql.Identifier(name))
            )
        # Dropping the table dropped its triggers and grants, so the schema files that create them run again.
        # Schema files that only create functions do not run, because they would replace functions that
        # waiting searches are about to call.
        for migration in migrations():
            if migration.name in _FILES_OF_THE_TABLE:
                run_file(connection, migration)
        connection.execute(_FOLLOW_NAMES)
        for statement in reattach:
            connection.execute(statement)
        write_stamp(connection, stamp)
    return SwapResult(done=True, locked_s=time.monotonic() - locked_at)


def _plain_indexes(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Return name and definition of every index of the live table except the primary key and HNSW index."""
    rows = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND schemaname = 'public' "
        "AND indexname <> ALL (%s)",
        [TABLE, [f"{TABLE}_pkey", INDEX]],
    )
    return [(str(name), str(definition)) for name, definition in rows]


def _copy_index_name(index: str) -> str:
    return f"next_{index}"[:63]
