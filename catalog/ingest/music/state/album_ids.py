"""Gives albums their ids, and remembers the ids, so that a corrected or moved album keeps its id."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from catalog.ingest.music.grouping import Track, names_of
from catalog.ingest.music.state.database import StateDatabase

_PREFIX = "music-"
_DIGITS = 20
#: The name of an album is the name in most of its tracks.
_UPDATE_TITLES = """
UPDATE albums SET title = named.title
FROM (SELECT key, title, max(tracks)
      FROM (SELECT key, title, count(*) AS tracks FROM tracks WHERE key IS NOT NULL GROUP BY key, title)
      GROUP BY key) named
WHERE albums.key = named.key AND albums.title != named.title
"""
_UPDATE_TRACKS = """
UPDATE tracks SET album_id = albums.id
FROM albums WHERE albums.key = tracks.key AND tracks.album_id IS NOT albums.id
"""


class AlbumIds:
    """The ids of one library's albums; thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def assign(self, tracks_of: Callable[[str], Sequence[Track]]) -> None:
        """Give an id to every album of this run; `tracks_of` returns the tracks of an album by its key.

        An album with a new key takes the id that most of its tracks had, if the name of the album is the same
        and no other album of this run has that id. Otherwise it gets a new id, which is derived from its
        artist and its name.
        """
        new = (
            "SELECT key, max(album_id) IS NOT NULL, min(names), count(DISTINCT names) FROM tracks "
            "WHERE key IS NOT NULL "
            "AND key NOT IN (SELECT key FROM albums) GROUP BY key ORDER BY key"
        )
        with self._database.transaction():
            for key, had_id, names, different in self._database.rows(new):
                if had_id and (album_id := self._earlier(key)) is not None:
                    self._database.rows("UPDATE albums SET key = ? WHERE id = ?", key, album_id)
                else:
                    # Several folders may give an album different names; then all its tracks decide.
                    name = names if different == 1 else names_of(tracks_of(key))
                    album_id = next(filter(self._is_unused, _candidates(key, name)))
                    self._database.rows(
                        "INSERT INTO albums (id, key, title) VALUES (?, ?, '')", album_id, key
                    )
            self._database.rows(_UPDATE_TITLES)
            self._database.rows(_UPDATE_TRACKS)

    def of_this_run(self) -> list[tuple[str, str]]:
        """Return the id and the key of every album of this run."""
        query = (
            "SELECT id, key FROM albums WHERE EXISTS (SELECT 1 FROM tracks WHERE tracks.key = albums.key) "
            "ORDER BY key"
        )
        return [(album_id, key) for album_id, key in self._database.rows(query)]

    def gone(self) -> list[str]:
        """Return the ids of earlier albums that have no tracks any more."""
        query = (
            "SELECT id FROM albums WHERE id NOT IN (SELECT album_id FROM tracks WHERE album_id IS NOT NULL)"
        )
        return [album_id for (album_id,) in self._database.rows(query)]

    def all(self) -> list[str]:
        """Return the ids of all albums that were ever found."""
        return [album_id for (album_id,) in self._database.rows("SELECT id FROM albums")]

    def _earlier(self, key: str) -> str | None:
        """Return the id of the album to which most tracks of a group belonged, if the id is free."""
        query = (
            "SELECT albums.id FROM tracks JOIN albums ON albums.id = album_id "
            "WHERE tracks.key = ? AND albums.title = tracks.title "
            "AND NOT EXISTS (SELECT 1 FROM tracks other WHERE other.key = albums.key) "
            "GROUP BY albums.id ORDER BY count(*) DESC, albums.id LIMIT 1"
        )
        found = self._database.rows(query, key)
        return str(found[0][0]) if found else None

    def _is_unused(self, album_id: str) -> bool:
        return not self._database.count("SELECT count(*) FROM albums WHERE id = ?", album_id)


def _candidates(key: str, name: str) -> Iterator[str]:
    """Yield ids; the first depends on artist and name only, so that a lost state file changes few ids."""
    yield _id(name)
    for number in count(1):
        yield _id(f"{name}\n{key}\n{number}")


def _id(seed: str) -> str:
    return f"{_PREFIX}{hashlib.sha256(seed.encode()).hexdigest()[:_DIGITS]}"
