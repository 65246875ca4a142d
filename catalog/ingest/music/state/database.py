"""The SQLite database of a library's state: its tables, transactions and error messages.

    tracks    one row for each audio file: size, time of modification, tags, the keys of its album, album
    pictures  one row for each picture file
    covers    the SHA-256 of each cover that was read from a file
    albums    the id of every album that was ever found, and the key that it had last
    found     the files that this run found (temporary)
    regrouped the album folders whose tracks must be grouped (temporary)

Paths are relative to the library. They are bytes, because names of files need not be valid UTF-8.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import SettingsError

_VERSION = 1
#: The maximum size of the cache of pages, in KiB.
_CACHE_KIB = 16 << 10
#: The number of pages after which changes are copied from the log to the database.
_CHECKPOINT_PAGES = 10_000
_SCHEMA = """
CREATE TABLE tracks (
  path BLOB PRIMARY KEY, album_folder BLOB NOT NULL, name BLOB NOT NULL, size_bytes INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, tags BLOB, fault TEXT, may_recover INTEGER, own_key TEXT, by_name TEXT,
  title TEXT, names TEXT, key TEXT, album_id TEXT
) WITHOUT ROWID;
CREATE INDEX tracks_folder ON tracks (album_folder);
CREATE INDEX tracks_key ON tracks (key, title);
CREATE TABLE pictures (
  path BLOB PRIMARY KEY, folder BLOB NOT NULL, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX pictures_folder ON pictures (folder);
CREATE TABLE covers (
  path BLOB NOT NULL, number INTEGER NOT NULL, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  sha256 TEXT NOT NULL, picture_bytes INTEGER NOT NULL, is_front INTEGER NOT NULL,
  PRIMARY KEY (path, number)
) WITHOUT ROWID;
CREATE TABLE albums (id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, title TEXT NOT NULL) WITHOUT ROWID;
"""
_TEMPORARY = """
CREATE TEMP TABLE found (
  path BLOB PRIMARY KEY, folder BLOB NOT NULL, album_folder BLOB NOT NULL, name BLOB NOT NULL,
  size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, is_picture INTEGER NOT NULL,
  is_link INTEGER NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TEMP TABLE regrouped (album_folder BLOB PRIMARY KEY) WITHOUT ROWID;
"""

Values = Sequence[object]


class StateDatabase:
    """An open state file, which no other process can open; thread-safe."""

    def __init__(self, path: Path) -> None:
        """Open the state file, and create it if it does not exist.

        Raises:
            SettingsError: the file is no state file, or another ingest uses it.
        """
        self._path = path
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        with self._errors():
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A power failure may lose the last changes, which the next run makes again.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            self._open_schema()
            self._connection.executescript(_TEMPORARY)

    def _open_schema(self) -> None:
        with self.transaction():
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in {0, _VERSION}:
                raise SettingsError(f"--state {self._path}: it belongs to another version of this program")
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the `with` block in a transaction, which is rolled back if the block raises an error."""
        with self._lock, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise SettingsError(f"--state {self._path}: another ingest uses this file") from error
            raise SettingsError(f"--state {self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise SettingsError(
                f"--state {self._path}: {error}; delete the file, and the next run reads everything again"
            ) from error

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement and return all its rows."""
        with self._lock, self._errors():
            return self._connection.execute(query, values).fetchall()

    def count(self, query: str, *values: object) -> int:
        """Run a query that returns one number."""
        return int(self.rows(query, *values)[0][0])

    def run_many(self, query: str, values: Iterable[Values]) -> None:
        """Run a statement once for each sequence of values."""
        with self._lock, self._errors():
            self._connection.executemany(query, values)
