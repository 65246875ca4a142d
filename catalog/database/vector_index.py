"""The HNSW index over the embeddings is dropped before a first load and built once after the load."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from catalog.database.migrations import SCHEMA_DIR

TABLE = "album_covers"
INDEX = "album_covers_embedding_hnsw"
#: Default memory for one build, in MiB; if the graph does not fit, the build takes many times as long.
MEMORY_MIB = 1024
#: Size of one graph node at m = 24, in bytes: the half-precision vector, its neighbours and their distances.
_NODE_BYTES = 2600
_MEMORY_MIN_MIB = 64
_MIB = 1024 * 1024
#: The key of the advisory lock that is held while the index is built or dropped.
_BUILD_LOCK = 0x686E7377


@dataclass(frozen=True, slots=True)
class IndexBuild:
    """Time, memory and size of one index build."""

    rows: int
    time_s: float
    size_bytes: int
    #: The memory that the server was allowed to use, in MiB.
    memory_mib: int
    #: Whether the index's graph fitted in the allowed memory.
    fitted: bool

    def summary(self) -> str:
        """Return a one-line summary, with a hint if the graph did not fit in memory."""
        hint = "" if self.fitted else ", and its graph did not fit: allow more with --index-memory-mib"
        return (
            f"indexed {self.rows} albums in {self.time_s:.1f} s: {self.size_bytes / 2**20:.0f} MiB on disk, "
            f"built within {self.memory_mib} MiB{hint}"
        )


def index_statement(*, table: str = TABLE, index: str = INDEX) -> str:
    """Return the schema's CREATE INDEX statement with the given table and index names."""
    schema = (SCHEMA_DIR / "001_albums.sql").read_text()
    found = re.search(rf"CREATE INDEX IF NOT EXISTS {INDEX} ON {TABLE}\s.*?;", schema, re.DOTALL)
    if found is None:
        raise AssertionError(f"the schema does not make {INDEX}")
    return found.group().replace(INDEX, index).replace(f"ON {TABLE}", f"ON {table}")


def drop_index_if_empty(connection: psycopg.Connection) -> bool:
    """Drop the index if the table has no embeddings, because one build is faster than many inserts."""
    has_any = f"SELECT EXISTS (SELECT FROM {TABLE} WHERE embedding IS NOT NULL)"  # noqa: S608
    with connection.transaction():
        # Take the lock before reading the table, otherwise two processes could deadlock when they drop the
        # index.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_BUILD_LOCK])
        row = connection.execute(has_any.encode()).fetchone()
        if row is None or row[0]:
            return False
        connection.execute(f"DROP INDEX IF EXISTS {INDEX}")
        return True


def build_index(
    connection: psycopg.Connection,
    *,
    table: str = TABLE,
    index: str = INDEX,
    memory_mib: int = MEMORY_MIB,
    starting: Callable[[int], None] = lambda _rows: None,
) -> IndexBuild | None:
    """Build the index if it is missing or incomplete; return None if the index is already valid.

    Before the build, `starting` is called with the number of rows. The connection must be in autocommit mode.
    """
    if _is_valid(connection, index):
        return None
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    rows = 0 if row is None else int(row[0])
    starting(rows)
    granted_mib = min(memory_mib, max(_MEMORY_MIN_MIB, rows * _NODE_BYTES // _MIB + 1))
    notices: list[str] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        notices.append(diagnostic.message_primary or "")

    connection.add_notice_handler(note)
    started = time.monotonic()
    try:
        with connection.transaction():
            # With SET LOCAL, the server's own values apply again after the transaction.
            connection.execute(
                sql.SQL("SET LOCAL maintenance_work_mem = {}").format(sql.Literal(f"{granted_mib}MB"))
            )
            connection.execute("SET LOCAL statement_timeout = 0")
            # If another process is building the index, wait for that process and use its index.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_BUILD_LOCK])
            if _is_valid(connection, index):
                return None
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(index)))
            connection.execute(index_statement(table=table, index=index).encode())
    finally:
        connection.remove_notice_handler(note)
    time_s = time.monotonic() - started
    size = connection.execute("SELECT pg_relation_size(%s::regclass)", [index]).fetchone()
    return IndexBuild(
        rows=rows,
        time_s=time_s,
        size_bytes=0 if size is None else int(size[0]),
        memory_mib=granted_mib,
        fitted=not any("no longer fits" in notice for notice in notices),
    )


def _is_valid(connection: psycopg.Connection, index: str) -> bool:
    row = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [index])
    found = row.fetchone()
    return found is not None and bool(found[0])
