"""The folder of thumbnails: writes a file completely or not at all, and removes files that no album uses.

    THUMBNAIL_DIR/ab/ab12….webp           a thumbnail, named by the SHA-256 of its content
    THUMBNAIL_DIR/ab/.ab12….webp.*.part   an unfinished file, or one that is being removed

Any number of processes may write to the folder at the same time.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from common.errors import SettingsError
from common.thumbnails import SIZES_PX, Thumbnails, digest_in, file_name

#: The time in seconds for which unused and unfinished files are kept, because an ingest writes the files of a
#: thumbnail before it writes the album.
GRACE_S = 3600.0
_UNFINISHED = ".part"


@dataclass(frozen=True, slots=True)
class Removed:
    """The number of removed files, and their total size."""

    files: int = 0
    size_bytes: int = 0


class ThumbnailFolder:
    """A folder of thumbnails; thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def require_writable(self) -> None:
        """Create the folder if it does not exist, and check that files can be written to it.

        Raises:
            SettingsError: no file can be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with _unfinished(self.path / "probe") as probe:
                probe.write_bytes(b"")
        except OSError as error:
            raise SettingsError(
                f"THUMBNAIL_DIR {self.path}: no file can be written: {error.strerror}; "
                "name another folder, or unset THUMBNAIL_DIR to make no thumbnails"
            ) from error

    def store(self, files: Sequence[bytes]) -> Thumbnails:
        """Write the files of a cover, the smallest first, unless they exist; return their SHA-256.

        Raises:
            OSError: a file cannot be written; its `filename` names the file.
            ValueError: the number of files is not the number of sizes.
        """
        if len(files) != len(SIZES_PX):
            raise ValueError(f"a cover has {len(SIZES_PX)} thumbnails, not {len(files)}")
        px_256, px_512 = (self._store(file) for file in files)
        return Thumbnails(px_256=px_256, px_512=px_512)

    def exists(self, digest: str) -> bool:
        """Return whether a file exists and is not empty; its content is not checked."""
        return _size_bytes(self._file(digest)) > 0

    def is_intact(self, digest: str) -> bool:
        """Read a file, and return whether it exists and its content has this SHA-256."""
        content = _content(self._file(digest))
        return content is not None and hashlib.sha256(content).hexdigest() == digest

    def unused(self, used: Collection[str], *, grace_s: float = GRACE_S) -> Iterator[Path]:
        """Yield the thumbnails and unfinished files that are older than `grace_s` and not in use.

        `used` contains the SHA-256 of every thumbnail of the catalog. Files with other names are left alone.
        """
        for file in chain(self.path.glob(f".*{_UNFINISHED}"), self.path.glob("[0-9a-f][0-9a-f]/*")):
            is_unfinished = file.name.startswith(".") and file.suffix == _UNFINISHED
            digest = digest_in(str(file.relative_to(self.path)))
            if (is_unfinished or (digest is not None and digest not in used)) and _is_old(file, grace_s):
                yield file

    def remove_unused(self, used: Collection[str], *, grace_s: float = GRACE_S) -> Removed:
        """Remove the files that `unused` yields.

        Raises:
            OSError: a file cannot be removed.
        """
        files = size_bytes = 0
        for file in self.unused(used, grace_s=grace_s):
            size = _size_bytes(file)
            if _remove(file, grace_s):
                files, size_bytes = files + 1, size_bytes + size
        return Removed(files, size_bytes)

    def _file(self, digest: str) -> Path:
        return self.path / file_name(digest)

    def _store(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        file = self._file(digest)
        if _content(file) == content:
            # The time of modification protects the file from a removal that runs at the same time. The file
            # is written again if it was removed just now, or belongs to another user.
            with suppress(FileNotFoundError, PermissionError):
                os.utime(file)
                return digest
        try:
            file.parent.mkdir(exist_ok=True)
            with _unfinished(file) as unfinished, unfinished.open("xb") as out:
                out.write(content)
                out.flush()
                # Without this call, a file could be empty after a power failure although the catalog names
                # it.
                os.fsync(out.fileno())
                unfinished.replace(file)
        except OSError as error:
            # An error of `write`, such as a full disk, does not name the file.
            raise OSError(error.errno, error.strerror, str(file)) from error
        return digest


@contextmanager
def _unfinished(file: Path) -> Iterator[Path]:
    """Yield a new name beside a file, and delete the file of that name if it still exists at the end."""
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(8)}{_UNFINISHED}")
    try:
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


def _remove(file: Path, grace_s: float) -> bool:
    """Remove a file unless `store` has just used it; return whether it was removed."""
    # After the renaming, `store` does not find the file and writes it again. If `store` used the file shortly
    # before the renaming, the file has a new time of modification and gets its name back.
    with suppress(FileNotFoundError), _unfinished(file) as taken:
        file.rename(taken)
        if not _is_old(taken, grace_s):
            taken.replace(file)
            return False
        # Another process may have taken the file under its new name; then that process counts it.
        taken.unlink()
        return True
    return False


def _is_old(file: Path, grace_s: float) -> bool:
    try:
        return file.stat().st_mtime <= time.time() - grace_s
    except FileNotFoundError:
        return False


def _content(file: Path) -> bytes | None:
    """Return a file's content, or None if no regular file has this name."""
    if not file.is_file():
        return None
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _size_bytes(file: Path) -> int:
    """Return a file's size, or 0 if the file does not exist."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
