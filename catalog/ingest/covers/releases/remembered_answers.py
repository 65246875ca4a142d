"""Remembers the answers of MusicBrainz and the Cover Art Archive in an SQLite file, for all tables.

releases    the MusicBrainz ids of a Discogs release, separated by blanks; empty if MusicBrainz knows none
missing     the addresses at which the Cover Art Archive has no cover
"""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from common.errors import SettingsError

#: The time in seconds for which a negative answer is remembered, because people add releases and covers.
NEGATIVE_TTL_S = 7 * 86_400
#: The time in seconds to wait for another ingest that writes to the file.
_TIMEOUT_S = 30.0
_VERSION = 1
_SCHEMA = """
CREATE TABLE releases (discogs INTEGER PRIMARY KEY, musicbrainz TEXT NOT NULL, asked_at REAL NOT NULL);
CREATE TABLE missing (url TEXT PRIMARY KEY, asked_at REAL NOT NULL) WITHOUT ROWID;
"""


class RememberedAnswers:
    """The answers in a file, which several ingests may use at the same time; thread-safe."""

    def __init__(
        self, path: Path, *, forget_negative: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        """Create the file if it does not exist; with `forget_negative`, ignore earlier negative answers.

        Raises:
            SettingsError: the file cannot be opened, or is not a file of answers.
        """
        self._path = path
        self._clock = clock
        # Negative answers that this run gets are valid even with `forget_negative`.
        self._valid_since = clock() - (0 if forget_negative else NEGATIVE_TTL_S)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        with self._connection() as connection:
            self._create_tables(connection)

    def releases(self, discogs_releases: Collection[int]) -> dict[int, tuple[str, ...]]:
        """Return the MusicBrainz ids of each Discogs release whose answer is remembered."""
        found: dict[int, tuple[str, ...]] = {}
        with self._connection() as connection:
            for number in discogs_releases:
                row = connection.execute(
                    "SELECT musicbrainz, asked_at FROM releases WHERE discogs = ?", (number,)
                ).fetchone()
                if row is not None and (row[0] or row[1] >= self._valid_since):
                    found[number] = tuple(row[0].split())
        return found

    def add_releases(self, found: Mapping[int, Collection[str]]) -> None:
        """Remember the MusicBrainz ids of Discogs releases."""
        rows = [(number, " ".join(ids), self._clock()) for number, ids in found.items()]
        with self._connection() as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO releases VALUES (?, ?, ?)", rows)

    def is_missing(self, url: str) -> bool:
        """Return whether the Cover Art Archive had no cover at an address when it was asked."""
        with self._connection() as connection:
            row = connection.execute("SELECT asked_at FROM missing WHERE url = ?", (url,)).fetchone()
        return row is not None and row[0] >= self._valid_since

    def add_missing(self, url: str) -> None:
        """Remember that the Cover Art Archive has no cover at an address."""
        with self._connection() as connection, connection:
            connection.execute("INSERT OR REPLACE INTO missing VALUES (?, ?)", (url, self._clock()))

    def _create_tables(self, connection: sqlite3.Connection) -> None:
        # The file is locked before its version is read, because another ingest may create the tables, too.
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in {0, _VERSION}:
            raise SettingsError(f"{self._path}: another release wrote this file of answers; remove it")
        if version == 0:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.commit()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for one call, because a connection belongs to one thread; it takes 0.1 ms."""
        try:
            with closing(sqlite3.connect(self._path, timeout=_TIMEOUT_S)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> SettingsError:
        return SettingsError(
            f"{self._path}: the file of remembered answers cannot be used ({error}); remove it, or set "
            "MODEL_CACHE_DIR to another folder"
        )
