"""Finds the audio files and the pictures of covers in a folder and the folders below it."""

import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from catalog.ingest.covers.embedded_pictures import AUDIO_SUFFIXES
from catalog.ingest.covers.file_names import SUFFIXES

#: The names, without suffix, of pictures that are covers.
COVER_STEMS = frozenset({"cover", "folder", "front", "album"})
_PICTURE_SUFFIXES = frozenset(SUFFIXES)
#: Folders that network disks and operating systems create. Hidden files and folders are left out, too.
_SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found"}
)


class FoundFile(NamedTuple):
    """An audio file or a picture; paths are relative to the library."""

    path: str
    folder: str
    name: str
    size_bytes: int
    mtime_ns: int
    is_picture: bool
    is_link: bool
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class UnreadableFolder:
    """A folder that exists and cannot be listed."""

    path: str
    reason: str


@dataclass(slots=True)
class FolderWalk:
    """One walk through a library; every folder is listed once, even if several links lead to it."""

    root: Path
    #: The folders that could not be listed so far.
    unreadable: list[UnreadableFolder] = field(default_factory=list)

    def files(self) -> Iterator[FoundFile]:
        """Yield the audio files and the pictures.

        Raises:
            OSError: the library itself cannot be listed.
        """
        with os.scandir(self.root):
            pass
        visited: set[tuple[int, int]] = set()
        # Links are followed after all real folders, so that a folder has its real path if it has one. Folders
        # are listed in the order of their paths, which is also the order of the rows in the state file.
        folders, links = [""], deque[str]()
        while folders or links:
            folder = folders.pop() if folders else links.popleft()
            try:
                entries = self._listed(folder, visited)
            except FileNotFoundError:
                # The folder was removed or renamed during the walk.
                continue
            except OSError as error:
                self.unreadable.append(UnreadableFolder(folder, error.strerror or str(error)))
                continue
            inner: list[str] = []
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if (found := _found(entry, path, folder)) is not None:
                    yield found
                elif _is_folder(entry):
                    (links if entry.is_symlink() else inner).append(path)
            folders += reversed(inner)

    def _listed(self, folder: str, visited: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
        path = self.root / folder
        status = path.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in visited:
            return []
        visited.add(identity)
        with os.scandir(path) as entries:
            return sorted(
                (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name
            )


def _found(entry: os.DirEntry[str], path: str, folder: str) -> FoundFile | None:
    stem, dot, ending = entry.name.rpartition(".")
    suffix = f"{dot}{ending}".lower()
    is_picture = suffix in _PICTURE_SUFFIXES and stem.casefold() in COVER_STEMS
    if not (is_picture or (stem and suffix in AUDIO_SUFFIXES)):
        return None
    try:
        status = entry.stat()
    except OSError:
        # The file was removed during the walk, or the entry is a link to nothing or to itself.
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(
        path=path,
        folder=folder,
        name=entry.name,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        is_picture=is_picture,
        is_link=entry.is_symlink(),
        device=status.st_dev,
        inode=status.st_ino,
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and entry.name.casefold() not in _SYSTEM_FOLDERS
    except OSError:
        # A link that leads to itself.
        return False
