"""The records of a library's picture files, and of the covers that were read from its files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from catalog.ingest.covers.embedded_pictures import PictureLocation
from catalog.ingest.music.state.database import StateDatabase


@dataclass(frozen=True, slots=True)
class FileVersion:
    """The size and the time of modification of a file, of which one changes when the file changes."""

    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the version of a file.

        Raises:
            OSError: the file does not exist.
        """
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class CoverRecord:
    """One picture in a file; its size is 0 if the file has no such picture."""

    #: The SHA-256 of the picture, in hex; empty if there is no picture, or if it is too large to be read.
    hash: str
    size_bytes: int
    #: Whether the picture is marked as the front cover.
    is_front: bool


class CoverRecords:
    """The records of one library; thread-safe."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def cover_at(self, at: PictureLocation, version: FileVersion) -> CoverRecord | None:
        """Return the cover that was read from this version of a file, or None if it was not read."""
        query = (
            "SELECT sha256, picture_bytes, is_front FROM covers "
            "WHERE path = ? AND number = ? AND size_bytes = ? AND mtime_ns = ?"
        )
        values = (os.fsencode(at.file), at.number, version.size_bytes, version.mtime_ns)
        found = self._database.rows(query, *values)
        return CoverRecord(found[0][0], found[0][1], bool(found[0][2])) if found else None

    def save(self, at: PictureLocation, version: FileVersion, cover: CoverRecord) -> None:
        """Record the cover of this version of a file."""
        self._database.rows(
            "INSERT OR REPLACE INTO covers VALUES (?, ?, ?, ?, ?, ?, ?)",
            os.fsencode(at.file),
            at.number,
            version.size_bytes,
            version.mtime_ns,
            cover.hash,
            cover.size_bytes,
            cover.is_front,
        )

    def pictures_in(self, folders: Sequence[str]) -> list[str]:
        """Return the paths of the picture files that are directly in one of the folders."""
        found: list[str] = []
        for folder in folders:
            query = "SELECT path FROM pictures WHERE folder = ? ORDER BY path"
            found += [os.fsdecode(path) for (path,) in self._database.rows(query, os.fsencode(folder))]
        return found

    def forget_removed(self) -> None:
        """Delete the records of files that no longer exist."""
        self._database.rows(
            "DELETE FROM covers WHERE path NOT IN (SELECT path FROM tracks) "
            "AND path NOT IN (SELECT path FROM pictures)"
        )
