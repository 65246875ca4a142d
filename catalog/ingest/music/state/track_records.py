"""The records of a library's audio files: what earlier runs read from them, and how they form albums."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from catalog.ingest.music.folder_walk import FoundFile
from catalog.ingest.music.grouping import Track, album_folder
from catalog.ingest.music.state.database import StateDatabase
from catalog.ingest.music.tag_reader import ReadFile
from catalog.ingest.music.track_tags import TrackTags

#: With fewer files, transactions take a large part of the time.
_FILES_PER_TRANSACTION = 500
_ADD_FOUND = "INSERT OR IGNORE INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_TRACK = """
INSERT OR REPLACE INTO tracks (path, album_folder, name, size_bytes, mtime_ns, tags, fault, may_recover,
  own_key, by_name, title, names, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SAVE_COVER = "INSERT OR REPLACE INTO covers VALUES (?, 1, ?, ?, ?, ?, ?)"
_UNREAD = "tags IS NULL AND (fault IS NULL OR may_recover)"
_SAVE_TAGS = """
UPDATE tracks SET tags = ?, fault = ?, may_recover = ?, own_key = ?, by_name = ?, title = ?,
  names = ?, key = ?
WHERE path = ?
"""
#: Files that have moved: the only new and the only missing file of the same name, size and time.
_MOVED = """
WITH new AS MATERIALIZED (
  SELECT path, album_folder, name, size_bytes, mtime_ns FROM found
  WHERE NOT is_picture AND path NOT IN (SELECT path FROM tracks)
), missing AS MATERIALIZED (
  SELECT path, name, size_bytes, mtime_ns FROM tracks WHERE path NOT IN (SELECT path FROM found)
)
SELECT new.path, new.album_folder, missing.path FROM new JOIN missing USING (name, size_bytes, mtime_ns)
GROUP BY name, size_bytes, mtime_ns HAVING count(*) = 1
"""
#: A track that is added, changed or removed may change the albums of the other tracks of its folder. An
#: `own_key` of NULL says that the tracks of the folder must be grouped again.
_UNGROUP_FOLDER_OF = """
UPDATE tracks SET own_key = NULL
WHERE album_folder = (SELECT album_folder FROM tracks WHERE path = ?)
"""
_UNGROUP_TOUCHED = """
UPDATE tracks SET own_key = NULL WHERE own_key IS NOT NULL AND album_folder IN
  (SELECT album_folder FROM tracks WHERE own_key IS NULL AND (fault IS NULL OR may_recover))
"""


class TrackRecords:
    """The records of one library; thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def record_found(self, files: Iterable[FoundFile]) -> None:
        """Record the files of a walk, without changing what is known about them."""
        with self._database.transaction():
            self._database.rows("DELETE FROM found")
            self._database.run_many(_ADD_FOUND, map(_found_row, files))
            self._drop_repeated()

    def recording_found(self, files: Iterable[FoundFile]) -> Iterator[list[FoundFile]]:
        """Record the files of a walk, and yield the files of each folder."""
        self._database.rows("DELETE FROM found")
        for found in _whole_folders(files):
            with self._database.transaction():
                self._database.run_many(_ADD_FOUND, map(_found_row, found))
            for _, group in groupby(found, key=lambda file: file.folder):
                yield list(group)
        self._drop_repeated()

    def _drop_repeated(self) -> None:
        # A link to a file of the library is the same file once more.
        self._database.rows(
            "DELETE FROM found WHERE is_link AND (device, inode) IN "
            "(SELECT device, inode FROM found WHERE NOT is_link)"
        )

    def count_found(self) -> int:
        """Count the audio files of the last walk."""
        return self._database.count("SELECT count(*) FROM found WHERE NOT is_picture")

    def version_of_found(self) -> str:
        """Return a hash of the names, the sizes and the times of the files of the last walk."""
        version = hashlib.sha256()
        for row in self._database.rows("SELECT path, size_bytes, mtime_ns FROM found ORDER BY path"):
            version.update(repr(row).encode())
        return version.hexdigest()

    def count_tracks(self) -> int:
        """Count the audio files that earlier runs found, or that `apply_found` recorded."""
        return self._database.count("SELECT count(*) FROM tracks")

    def apply_found(self, *, unreadable_folders: Sequence[str]) -> None:
        """Take over the files of the last walk: moved files keep their tags, changed files lose them.

        Files below a folder that cannot be read now are kept.
        """
        with self._database.transaction():
            self._keep_below(unreadable_folders)
            for path, folder, before in self._database.rows(_MOVED):
                self._database.rows(_UNGROUP_FOLDER_OF, before)
                moved = "UPDATE OR REPLACE tracks SET path = ?, album_folder = ? WHERE path = ?"
                self._database.rows(moved, path, folder, before)
                self._database.rows("UPDATE OR REPLACE covers SET path = ? WHERE path = ?", path, before)
            removed = "path NOT IN (SELECT path FROM found)"
            self._database.rows(f"UPDATE tracks SET own_key = NULL WHERE {removed}")  # noqa: S608 - a constant
            self._database.rows(_UNGROUP_TOUCHED)
            self._database.rows(f"DELETE FROM tracks WHERE {removed}")  # noqa: S608 - a constant
            self._database.rows(
                "INSERT INTO tracks (path, album_folder, name, size_bytes, mtime_ns) "
                "SELECT path, album_folder, name, size_bytes, mtime_ns FROM found WHERE NOT is_picture "
                "ON CONFLICT (path) DO UPDATE SET size_bytes = excluded.size_bytes, "
                "mtime_ns = excluded.mtime_ns, tags = NULL, fault = NULL, own_key = NULL "
                "WHERE (tracks.size_bytes, tracks.mtime_ns) != (excluded.size_bytes, excluded.mtime_ns)"
            )
            self._database.rows(_UNGROUP_TOUCHED)
            self._database.rows("DELETE FROM pictures")
            self._database.rows(
                "INSERT INTO pictures SELECT path, folder, size_bytes, mtime_ns FROM found WHERE is_picture"
            )

    def _keep_below(self, folders: Sequence[str]) -> None:
        for folder in folders:
            self._database.rows(
                "INSERT OR IGNORE INTO found SELECT path, album_folder, album_folder, name, size_bytes, "
                "mtime_ns, 0, 0, 0, 0 FROM tracks WHERE path >= ? AND path < ?",
                *_range_below(folder),
            )

    def count_unread(self) -> int:
        """Count the new and changed files, and the files that could not be opened."""
        return self._database.count(f"SELECT count(*) FROM tracks WHERE {_UNREAD}")  # noqa: S608 - a constant

    def unread(self) -> Iterator[list[str]]:
        """Yield the paths of the new and changed files of each album folder."""
        query = f"SELECT album_folder, path FROM tracks WHERE {_UNREAD} ORDER BY album_folder, path"  # noqa: S608
        # All rows are read at once, because reading the tags changes these rows.
        for _, rows in groupby(self._database.rows(query), key=lambda row: row[0]):
            yield [os.fsdecode(path) for _, path in rows]

    def save_tags(self, read: Sequence[ReadFile]) -> None:
        """Save what was read from files; a file without tags and without a fault has been removed."""
        gone = [(os.fsencode(file.path),) for file in read if file.tags is None and not file.fault]
        known = [(*_tag_values(file), os.fsencode(file.path)) for file in read]
        with self._database.transaction():
            self._database.run_many(_SAVE_TAGS, known)
            self._database.run_many("DELETE FROM tracks WHERE path = ?", gone)
            self._database.run_many(_SAVE_COVER, _cover_rows(read))

    def add_tracks(self, read: Sequence[tuple[FoundFile, ReadFile]]) -> None:
        """Add new tracks with their tags."""
        rows = [(*_track_row(found), *_tag_values(file)) for found, file in read if file.tags or file.fault]
        with self._database.transaction():
            self._database.run_many(_ADD_TRACK, rows)
            self._database.run_many(_SAVE_COVER, _cover_rows(file for _, file in read))

    def faults(self) -> list[tuple[str, str]]:
        """Return the paths of the files that could not be read, each with the reason."""
        rows = self._database.rows("SELECT path, fault FROM tracks WHERE fault IS NOT NULL ORDER BY path")
        return [(os.fsdecode(path), fault) for path, fault in rows]

    def tracks_of_group(self, key: str) -> list[Track]:
        """Return the tracks of an album in the order of their positions."""
        query = "SELECT path, tags FROM tracks WHERE key = ?"
        return sorted((track_of(*row) for row in self._database.rows(query, key)), key=lambda t: t.position)

    def tracks_of_album(self, album_id: str) -> list[Track]:
        """Return the readable tracks of an album in the order of their positions."""
        query = "SELECT path, tags FROM albums JOIN tracks USING (key) WHERE id = ?"
        return sorted(
            (track_of(*row) for row in self._database.rows(query, album_id)), key=lambda t: t.position
        )

    def is_shared(self, folder: str, album_id: str) -> bool:
        """Return whether a folder contains, at any depth, tracks of another album than the given one."""
        query = "SELECT EXISTS (SELECT 1 FROM tracks WHERE path >= ? AND path < ? AND album_id != ?)"
        return bool(self._database.count(query, *_range_below(folder), album_id))


def _whole_folders(files: Iterable[FoundFile]) -> Iterator[list[FoundFile]]:
    """Yield lists of files that contain all files of a folder."""
    found: list[FoundFile] = []
    for _, group in groupby(files, key=lambda file: file.folder):
        found += group
        if len(found) >= _FILES_PER_TRANSACTION:
            yield found
            found = []
    if found:
        yield found


@lru_cache(maxsize=16)
def _folders(folder: str) -> tuple[bytes, bytes]:
    """Return the path of a folder, and the path of the album folder of its tracks."""
    return os.fsencode(folder), os.fsencode(album_folder(f"{folder}/"))


def _found_row(file: FoundFile) -> tuple[object, ...]:
    return (
        os.fsencode(file.path),
        *_folders(file.folder),
        os.fsencode(file.name),
        file.size_bytes,
        file.mtime_ns,
        file.is_picture,
        file.is_link,
        file.device,
        file.inode,
    )


def _tag_values(file: ReadFile) -> tuple[object, ...]:
    keys = (None,) * 5 if file.key is None else (*file.key, file.key.key)
    return file.tags, file.fault or None, file.may_recover, *keys


def _cover_rows(read: Iterable[ReadFile]) -> Iterator[tuple[object, ...]]:
    return ((os.fsencode(file.path), *file.cover) for file in read if file.cover is not None)


def _track_row(file: FoundFile) -> tuple[object, ...]:
    _, album_folder_path = _folders(file.folder)
    path, name = os.fsencode(file.path), os.fsencode(file.name)
    return path, album_folder_path, name, file.size_bytes, file.mtime_ns


def track_of(path: bytes, tags: bytes) -> Track:
    """Return a track from its row."""
    return Track(os.fsdecode(path), TrackTags.from_json(tags))


def _range_below(folder: str) -> tuple[bytes, bytes]:
    """Return the first path below a folder, and the first path after those below it."""
    if not folder:
        return b"", b"\xff" * 4
    # The character after the slash is 0.
    return os.fsencode(f"{folder}/"), os.fsencode(f"{folder}0")
