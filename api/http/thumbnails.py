"""Serves thumbnails, which clients may keep forever, because a file is named by the hash of its content."""

import os
from collections.abc import Mapping
from pathlib import Path

from api.http.static_files import PICTURES, TypedFiles
from common.thumbnails import digest_in

#: Clients may keep a thumbnail for a year, and need not revalidate it when a user reloads a page.
_FOREVER = "public, max-age=31536000, immutable"


class ThumbnailFiles(TypedFiles):
    """Serves the files of a folder that have the name of a thumbnail.

    The folder need not exist, because the first ingest creates it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, types=PICTURES, check_dir=False)

    async def check_config(self) -> None:
        """Accept a folder that does not exist; its files are not found."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        found, status = super().lookup_path(path) if digest_in(path) is not None else ("", None)
        # A symbolic link must not give a file the name, and therefore the ETag, of other content.
        return (found, status) if Path(found).name == Path(path).name else ("", None)

    def headers_of(self, full_path: str | os.PathLike[str]) -> Mapping[str, str]:
        # The default ETag contains the file's time of modification, which differs between copies of a folder.
        return {"etag": f'"{Path(full_path).stem}"', "cache-control": _FOREVER}
