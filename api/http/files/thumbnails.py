"""Serves thumbnails, which clients may keep forever, because a file is named by the hash of its content."""

import hashlib
import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from api.http.files.static_files import PICTURES, TypedFiles
from common.thumbnails import digest_in

log = logging.getLogger(__name__)

#: Clients may keep a thumbnail for a year, and need not revalidate it when a user reloads a page.
_FOREVER = "public, max-age=31536000, immutable"
#: The maximum number of files whose check is remembered; each takes about 300 bytes.
_CHECKS_KEPT = 100_000


class ThumbnailFiles(TypedFiles):
    """Serves the files of a folder that have the name of a thumbnail, and the content that the name promises.

    The folder need not exist, because the first ingest creates it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, types=PICTURES, check_dir=False)

    async def check_config(self) -> None:
        """Accept a folder that does not exist; its files are not found."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        digest = digest_in(path)
        found, status = super().lookup_path(path) if digest is not None else ("", None)
        # A symbolic link must not give a file the name, and therefore the ETag, of other content.
        if status is None or digest is None or Path(found).name != Path(path).name:
            return "", None
        try:
            is_intact = _is_intact(found, digest, status.st_ino, status.st_size, status.st_mtime_ns)
        except OSError as error:
            log.warning("a thumbnail cannot be read", extra={"detail": f"{found}: {error.strerror}"})
            return "", None
        return (found, status) if is_intact else ("", None)

    def headers_of(self, full_path: str | os.PathLike[str]) -> Mapping[str, str]:
        # The default ETag contains the file's time of modification, which differs between copies of a folder.
        return {"etag": f'"{Path(full_path).stem}"', "cache-control": _FOREVER}


@lru_cache(maxsize=_CHECKS_KEPT)
def _is_intact(file: str, digest: str, _inode: int, _size_bytes: int, _modified_ns: int) -> bool:
    """Return whether a file's content has the SHA-256 in its name, and log a warning if it does not.

    A file is read again after its inode, size or time of modification has changed.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(file).open("rb") as content:
        is_intact = hashlib.file_digest(content, "sha256").hexdigest() == digest
    if not is_intact:
        log.warning(
            "a thumbnail is damaged and is not served",
            extra={
                "detail": f"{file} does not have the content that its name promises, for example because a "
                "copy was interrupted; python -m catalog thumbnails --check-files makes it again"
            },
        )
    return is_intact
