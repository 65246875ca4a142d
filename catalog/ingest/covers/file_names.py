"""Finds the cover file of an album in a folder by the file's name.

A file name may differ from an album's id in the Unicode form of accents (macOS decomposes them) and in the
case of the suffix. Characters that a file name cannot contain may be replaced: the cover of `AC/DC` may be
`AC%2FDC.jpg` or `AC_DC.JPG`.
"""

import os
import re
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

#: The suffixes of the supported formats; if an album has several files, the file whose suffix comes first is
#: used.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".heic", ".heif", ".hif", ".avif", ".avifs", ".apng", ".mpo"),
)
_ORDER = {suffix: place for place, suffix in enumerate(SUFFIXES)}
#: Characters that Linux, macOS or Windows do not allow in a file name.
_IMPOSSIBLE = re.compile(r'[/\\:*?"<>|\x00-\x1f]')
#: The separator between the names of files with the same stem, which no file name contains.
_BETWEEN = "/"


class CoverFiles:
    """Finds files in a folder of covers; thread-safe.

    Each folder is listed once, when a file in it is first looked up. A listing takes about 0.2 KB of memory
    per file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._listings: dict[Path, dict[str, str]] = {}

    def of_album(self, album_id: str) -> list[str]:
        """Return the names of the files that match an album's id, with the best match first."""
        listing = self._listing(self._folder)
        stem = _composed(album_id)
        found = listing.get(stem) or listing.get(_IMPOSSIBLE.sub("_", stem), "")
        names = [name for name in found.split(_BETWEEN) if name]
        return sorted(names, key=lambda name: (_stem(name) != album_id, _ORDER[_suffix(name)], name))

    def named(self, name: str) -> str:
        """Return the exact name of the file that matches a name, or the given name if no file matches."""
        path = PurePosixPath(name)
        if _exists(self._folder / path):
            return name
        for parent in dict.fromkeys((path.parent, *_forms(path.parent))):
            listing = self._listing(self._folder / parent)
            for found in listing.get(_composed(path.stem), "").split(_BETWEEN):
                if found and _suffix(found) == path.suffix.casefold():
                    return str(parent / found)
        return name

    def _listing(self, folder: Path) -> dict[str, str]:
        with self._lock:
            if folder not in self._listings:
                inside = folder.resolve().is_relative_to(self._folder.resolve())
                self._listings[folder] = _listed(folder) if inside and folder.is_dir() else {}
            return self._listings[folder]


def _listed(folder: Path) -> dict[str, str]:
    listing: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if _suffix(entry.name) in _ORDER and entry.is_file():
                stem = _composed(_stem(entry.name))
                for key in {stem, unquote(stem)}:
                    listing[key] = f"{listing[key]}{_BETWEEN}{entry.name}" if key in listing else entry.name
    return listing


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _forms(path: PurePosixPath) -> Iterator[PurePosixPath]:
    return (PurePosixPath(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD"))


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2].casefold()}"
