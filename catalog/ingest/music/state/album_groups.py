"""Groups the tracks of a library into albums, and records the keys of the albums.

Most tracks get their keys when their tags are read. This module groups the folders of which only some tracks
were read, and joins groups of the same name.
"""

import os
from collections.abc import Iterator, Sequence

import orjson

from catalog.ingest.music.grouping import album_keys
from catalog.ingest.music.state.database import StateDatabase
from catalog.ingest.music.state.track_records import track_of

_SAVE_KEYS = "UPDATE tracks SET own_key = ?, by_name = ?, title = ?, names = ?, key = ? WHERE path = ?"
#: Tracks with a release id of MusicBrainz also take the tracks of the same name that have no such id.
_JOINED = """
SELECT tracks.path, releases.own_key AS key
FROM (SELECT by_name, min(own_key) AS own_key FROM tracks WHERE own_key LIKE 'release:%' GROUP BY by_name
      HAVING count(DISTINCT own_key) = 1) releases
JOIN tracks ON tracks.own_key = releases.by_name
"""


class AlbumGroups:
    """The groups of one library's tracks; thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def update(self) -> None:
        """Group the tracks that have no keys yet, and all other tracks in their folders."""
        with self._database.transaction():
            self._database.rows("DELETE FROM regrouped")
            self._database.rows(
                "INSERT OR IGNORE INTO regrouped SELECT album_folder FROM tracks "
                "WHERE own_key IS NULL AND tags IS NOT NULL"
            )
            self._database.run_many(_SAVE_KEYS, self._keys())
            self._database.rows("UPDATE tracks SET key = NULL WHERE tags IS NULL AND key IS NOT NULL")
            self._database.rows("UPDATE tracks SET key = own_key WHERE key != own_key")
            self._database.rows(
                f"UPDATE tracks SET key = joined.key FROM ({_JOINED}) joined "  # noqa: S608 - a constant
                "WHERE joined.path = tracks.path"
            )

    def _keys(self) -> Iterator[Sequence[object]]:
        for (folder,) in self._database.rows("SELECT album_folder FROM regrouped"):
            query = "SELECT path, tags FROM tracks WHERE album_folder = ? AND tags IS NOT NULL ORDER BY path"
            tracks = [track_of(*row) for row in self._database.rows(query, folder)]
            for track, key in album_keys(tracks):
                yield *key, key.key, os.fsencode(track.path)

    def genres(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Yield the different lists of genres of the tracks, each with the number of tracks."""
        query = (
            "SELECT json_extract(CAST(tags AS TEXT), '$.genres') AS genres, count(*) FROM tracks "
            "WHERE tags IS NOT NULL GROUP BY genres"
        )
        for genres, tracks in self._database.rows(query):
            yield tuple(orjson.loads(genres or "[]")), tracks
