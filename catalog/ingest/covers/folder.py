"""Reads covers from the picture files and the audio files of one folder."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

from catalog.ingest.covers.cover_hash import cover_sha256
from catalog.ingest.covers.embedded_pictures import PictureLocation, embedded_covers
from catalog.ingest.covers.fetch.responses import Validators
from catalog.ingest.covers.file_names import SUFFIXES, CoverFiles
from catalog.ingest.covers.protocol import (
    READ_AHEAD,
    AlbumToLoad,
    CoverContent,
    CoverLocation,
    FailedCover,
)
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

    def find(self, album_id: str, named: str | None, failed: Sequence[FailedCover] = ()) -> CoverLocation:
        tried = {cover.source for cover in failed}
        matching = self._files.of_album(album_id) if named is None else [self._files.named(named)]
        files = [file for file in matching if file not in tried]
        if failed and not files:
            raise failed[0].fault
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
            at = PictureLocation.of(source)
            path = (self.folder / at.file).resolve(strict=True)
            # A table is untrusted, so a file name in it must not lead outside of the folder.
            if not path.is_relative_to(self.folder.resolve()):
                raise RowFault("cover_refused", f"{source!r:.200} lies outside of the folder of covers")
            content = self._content(path, at)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RowFault("missing_cover", f"{source!r:.200} cannot be read: {reason}") from None
        if content is None:
            raise RowFault("cover_too_large", f"{source!r:.200} has more than {self._max_bytes} bytes")
        return content

    def _content(self, path: Path, at: PictureLocation) -> bytes | None:
        """Return the cover in a picture file or an audio file, or None if the cover is too large."""
        if not at.is_embedded:
            return read_regular_file(path) if path.stat().st_size <= self._max_bytes else None
        # The cover of a music library's album may be embedded in a track.
        pictures = embedded_covers(path)
        if len(pictures) < at.number:
            raise ValueError(f"the file has {len(pictures)} embedded covers")
        content = pictures[at.number - 1].data
        return content if len(content) <= self._max_bytes else None

    def read_changed(self, source: str, origin: Origin | None) -> CoverContent:  # noqa: ARG002
        # The file is always read, because reading is cheap and nothing else shows reliably whether it has
        # changed.
        content = self.read(source)
        return CoverContent(content, cover_sha256(content), Validators())

    def close(self) -> None:
        """Do nothing, because reading a file never waits."""
