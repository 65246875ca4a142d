"""Reads covers from the files of one folder."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

from catalog.ingest.covers.fetch.responses import Validators
from catalog.ingest.covers.file_names import SUFFIXES, CoverFiles
from catalog.ingest.covers.protocol import READ_AHEAD, AlbumToLoad, CoverContent, CoverLocation, cover_sha256
from catalog.ingest.pipeline_stages import in_order
from catalog.ingest.rejection import Rejected, RowFault
from catalog.writer.protocol import Origin
from common.regular_files import read_regular_file

R = TypeVar("R")


class CoverFolder:
    """Reads the file that the table names, or else the file whose name is the album's id."""

    readers = 16

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._files = CoverFiles(folder)

    def find(self, album_id: str, named: str | None) -> CoverLocation:
        if named is not None:
            return CoverLocation(self._files.named(named))
        files = self._files.of_album(album_id)
        if not files:
            raise RowFault(
                "missing_cover", f"no file {album_id:.100}{{{','.join(SUFFIXES)}}} in the folder of covers"
            )
        return CoverLocation(files[0], tuple(files[1:]))

    def stage(
        self,
        executor: Executor,
        load: Callable[[AlbumToLoad], R | Rejected],
        to_load: Iterable[AlbumToLoad | Rejected],
    ) -> Generator[R | Rejected, None, None]:
        return in_order(executor, load, to_load, ahead=READ_AHEAD)

    def read(self, source: str) -> bytes:
        try:
            path = (self.folder / source).resolve(strict=True)
            # A table is untrusted, so a file name in it must not lead outside of the folder.
            if not path.is_relative_to(self.folder.resolve()):
                raise RowFault("cover_refused", f"{source!r:.200} lies outside of the folder of covers")
            if path.stat().st_size > self._max_bytes:
                raise RowFault("cover_too_large", f"{source!r:.200} has more than {self._max_bytes} bytes")
            return read_regular_file(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RowFault("missing_cover", f"{source!r:.200} cannot be read: {reason}") from None

    def read_changed(self, source: str, origin: Origin | None) -> CoverContent:  # noqa: ARG002
        # The file is always read, because reading is cheap and nothing else shows reliably whether it has
        # changed.
        content = self.read(source)
        return CoverContent(content, cover_sha256(content), Validators())

    def close(self) -> None:
        """Do nothing, because reading a file never waits."""
