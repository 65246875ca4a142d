"""The switch from the live table to its copy: one transaction, with index and stamp.

A search sees the one or the other. Whoever reads now is waited for, and for no longer than a second:
behind a switch that waits, new searches wait too.
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
_ABOUT_THE_TABLE = ("001_albums.sql", "001_genres.sql", "004_access.sql", "006_changes.sql")
_LOCK_WAIT = "1s"
_TRIES, _PAUSE_S = 30, 1.0


@dataclass(frozen=True, slots=True)
class SwapResult:
    """Whether the copy took over; it does not where the live table got ahead of it. Time under the lock."""

    done: bool
    locked_s: float = 0.0


def index_copy(connection: psycopg.Connection, *, memory_mib: int) -> IndexBuild | None:
    """Give the copy every index that the live table has, and the one over the embeddings."""
    built = build_index(connection, table=NEXT, index=NEXT_INDEX, memory_mib=memory_mib)
    for name, definition in _plain_indexes(connection):
        statement = definition.replace(f"INDEX {name} ", f"INDEX IF NOT EXISTS {_beside(name)} ", 1)
        connection.execute(statement.replace(f".{TABLE} ", f".{NEXT} ", 1).encode())
    connection.execute(f"VACUUM (ANALYZE) {NEXT}")
    return built


def switch(connection: psycopg.Connection, stamp: ModelStamp) -> SwapResult:
    """Put the copy in the live table's place.

    Raises:
        CatalogUnavailable: somebody reads the table without pause.
        CatalogError: the live table has what would be lost.
    """
    for _ in range(_TRIES):
        try:
            return _switch_once(connection, stamp)
        except psycopg.errors.LockNotAvailable:
            time.sleep(_PAUSE_S)
    raise CatalogUnavailable(f"{TABLE} was in use all the time; run the command again, it goes on from here")


def _switch_once(connection: psycopg.Connection, stamp: ModelStamp) -> SwapResult:
    indexes = [name for name, _ in _plain_indexes(connection)]
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
        connection.execute(f"LOCK TABLE {TABLE}, {NEXT} IN ACCESS EXCLUSIVE MODE")
        locked_at = time.monotonic()
        if missing(connection, after_id="", size=1):
            return SwapResult(done=False)
        # Somebody may have attached more since the move began.
        require_no_dependent_objects(connection)
        attached = reattach_statements(connection)
        connection.execute(f"DROP TABLE {TABLE}")
        connection.execute("DROP FUNCTION forget_next()")
        connection.execute("DROP TABLE catalog_reembedding")
        connection.execute(f"ALTER TABLE {NEXT} RENAME TO {TABLE}")
        connection.execute(f"ALTER INDEX {NEXT}_pkey RENAME TO {TABLE}_pkey")
        for name in [*indexes, INDEX]:
            beside = NEXT_INDEX if name == INDEX else _beside(name)
            connection.execute(
                sql.SQL("ALTER INDEX {} RENAME TO {}").format(sql.Identifier(beside), sql.Identifier(name))
            )
        # Triggers and rights belong to a table: these files, which are safe to run again, have them all.
        # Those that make functions would take them away from under the searches that wait.
        for migration in migrations():
            if migration.name in _ABOUT_THE_TABLE:
                run_file(connection, migration)
        for statement in attached:
            connection.execute(statement)
        write_stamp(connection, stamp)
    return SwapResult(done=True, locked_s=time.monotonic() - locked_at)


def _plain_indexes(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Return name and definition of the live table's indexes, less its primary key's and the HNSW index."""
    rows = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND schemaname = 'public' "
        "AND indexname <> ALL (%s)",
        [TABLE, [f"{TABLE}_pkey", INDEX]],
    )
    return [(str(name), str(definition)) for name, definition in rows]


def _beside(index: str) -> str:
    return f"next_{index}"[:63]
