"""Finds and reads the covers of a library's albums.

The cover is the embedded front cover of the first track that has one. Otherwise it is a picture file beside
the tracks, otherwise one folder above them, otherwise an embedded picture of the type "other".
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

from catalog.ingest.columns.storable_json import printable
from catalog.ingest.covers.cover_hash import cover_sha256
from catalog.ingest.covers.embedded_pictures import PictureLocation, embedded_covers
from catalog.ingest.covers.fetch.responses import Validators
from catalog.ingest.covers.protocol import (
    READ_AHEAD,
    AlbumToLoad,
    CoverContent,
    CoverLocation,
    FailedCover,
)
from catalog.ingest.music.grouping import Track, artist_of, title_of
from catalog.ingest.music.state.cover_records import CoverRecord, CoverRecords, FileVersion
from catalog.ingest.music.state.track_records import TrackRecords
from catalog.ingest.pipeline_stages import in_order
from catalog.ingest.rejection import Rejected, RowFault
from catalog.writer.protocol import Origin
from common.errors import CoverSearchError
from common.images.cost.estimate import read_image_summary
from common.images.formats.detection import format_of
from common.regular_files import read_regular_file

R = TypeVar("R")
_NO_COVER = CoverRecord("", 0, is_front=False)
_Candidate = tuple[PictureLocation, CoverRecord]


class LibraryCovers:
    """The covers of a library; a cover is read again only if its file has changed."""

    readers = 16

    def __init__(self, root: Path, *, tracks: TrackRecords, records: CoverRecords, max_bytes: int) -> None:
        self._root = root
        self._tracks = tracks
        self._records = records
        self._max_bytes = max_bytes
        #: Maps names that contain escape sequences to the names of the files.
        self._unprintable: dict[str, str] = {}
        #: The last picture that each thread read in `find`, with its place; `read_changed` returns it.
        self._last = threading.local()

    def find(
        self,
        album_id: str,
        named: str | None,  # noqa: ARG002 - no table names a cover
        failed: Sequence[FailedCover] = (),
    ) -> CoverLocation:
        tracks = self._tracks.tracks_of_album(album_id)
        tried = {cover.source for cover in failed} | {cover.hash for cover in failed}
        too_large: list[str] = []
        for at, cover in self._candidates(album_id, tracks):
            source = self._source(at)
            if cover.size_bytes > self._max_bytes:
                too_large.append(source)
            elif cover.size_bytes and not tried & {source, cover.hash}:
                return CoverLocation(source)
        raise self._fault(_described(tracks), failed, too_large)

    def _fault(self, album: str, failed: Sequence[FailedCover], too_large: Sequence[str]) -> RowFault:
        if failed:
            tried = "; ".join(f"{cover.source}: {cover.fault.detail}" for cover in failed)
            return RowFault(failed[0].fault.reason, f"{album}: no cover can be decoded: {tried}")
        if too_large:
            detail = f"{album}: the cover has more than {self._max_bytes} bytes: {too_large[0]}"
            return RowFault("cover_too_large", detail)
        return RowFault("missing_cover", f"{album}: no cover in the tracks, beside them or above them")

    def stage(
        self,
        executor: Executor,
        load: Callable[[AlbumToLoad], R | Rejected],
        to_load: Iterable[AlbumToLoad | Rejected],
    ) -> Generator[R | Rejected, None, None]:
        return in_order(executor, load, to_load, ahead=READ_AHEAD)

    def read(self, source: str) -> bytes:
        try:
            content, cover = self._read(self._location(source))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RowFault("missing_cover", f"{source!r:.200} cannot be read: {reason}") from None
        if cover.size_bytes > self._max_bytes:
            raise RowFault("cover_too_large", f"{source!r:.200} has more than {self._max_bytes} bytes")
        if not content:
            raise RowFault("missing_cover", f"{source!r:.200} has no cover any more")
        return content

    def read_changed(self, source: str, origin: Origin | None) -> CoverContent:
        at = self._location(source)
        known = self._known(at)
        if known and origin and (origin.cover_source, origin.cover_hash) == (source, known.hash):
            return CoverContent(None, known.hash, Validators())
        last = getattr(self._last, "picture", None)
        content = last[1] if last and last[0] == at else self.read(source)
        self._last.picture = None
        return CoverContent(content, cover_sha256(content), Validators())

    def close(self) -> None:
        """Do nothing, because reading a file never waits."""

    def _candidates(self, album_id: str, tracks: Sequence[Track]) -> Iterator[_Candidate]:
        """Yield the pictures that may be the cover, best first."""
        others: list[PictureLocation] = []
        for track in tracks:
            for at, cover in self._embedded_from(PictureLocation(track.path)):
                if not cover.is_front:
                    others.append(at)
                    break
                yield at, cover
        folders = list(dict.fromkeys(track.folder for track in tracks))
        yield from self._largest_first(self._records.pictures_in(folders))
        above = dict.fromkeys(folder.rpartition("/")[0] for folder in folders if folder)
        # A picture above the folders of several albums shows an artist, or belongs to one of the albums.
        own = [folder for folder in above if not self._tracks.is_shared(folder, album_id)]
        yield from self._largest_first(self._records.pictures_in(own))
        for first in others:
            yield from self._embedded_from(first)

    def _embedded_from(self, at: PictureLocation) -> Iterator[_Candidate]:
        """Yield the embedded pictures of a file, beginning with the picture at the given location."""
        while (cover := self._cover_at(at)).size_bytes:
            yield at, cover
            at = PictureLocation(at.file, at.number + 1)

    def _largest_first(self, paths: list[str]) -> Iterator[_Candidate]:
        """Yield picture files, the one with the most pixels first."""
        if len(paths) > 1:
            paths = sorted(paths, key=self._pixels, reverse=True)
        for path in paths:
            yield (at := PictureLocation(path)), self._cover_at(at)

    def _pixels(self, path: str) -> int:
        try:
            if (self._root / path).stat().st_size > self._max_bytes:
                return 0
            data = read_regular_file(self._root / path)
            summary = read_image_summary(data, format_of(data))
        except (OSError, CoverSearchError):
            return 0
        return summary.width * summary.height

    def _cover_at(self, at: PictureLocation) -> CoverRecord:
        """Return what a file contains, without reading the file if it is known."""
        if (known := self._known(at)) is not None:
            return known
        try:
            content, cover = self._read(at)
        except (OSError, ValueError):
            # The file was removed or changed during the run; another file may have the cover.
            return _NO_COVER
        self._last.picture = (at, content)
        return cover

    def _known(self, at: PictureLocation) -> CoverRecord | None:
        try:
            return self._records.cover_at(at, FileVersion.of(self._root / at.file))
        except OSError:
            return None

    def _read(self, at: PictureLocation) -> tuple[bytes, CoverRecord]:
        """Read the cover at a location, and record it."""
        file = self._root / at.file
        version = FileVersion.of(file)
        if at.is_embedded:
            picture = next(iter(embedded_covers(file)[at.number - 1 :]), None)
            content, is_front = (b"", False) if picture is None else (picture.data, picture.is_front)
        elif version.size_bytes > self._max_bytes:
            # A picture that is too large is not read.
            return b"", CoverRecord("", version.size_bytes, is_front=True)
        else:
            content, is_front = read_regular_file(file), True
        cover = CoverRecord(cover_sha256(content), len(content), is_front) if content else _NO_COVER
        self._records.save(at, version, cover)
        return content, cover

    def _source(self, at: PictureLocation) -> str:
        """Return the location as text that a database can store."""
        source = printable(str(at))
        if source != str(at):
            self._unprintable[source] = str(at)
        return source

    def _location(self, source: str) -> PictureLocation:
        return PictureLocation.of(self._unprintable.get(source, source))


def _described(tracks: Sequence[Track]) -> str:
    """Return the names and the folder of an album, for the report."""
    if not tracks:
        return "an album whose files were removed"
    names = f"{artist_of(tracks)} - {title_of(tracks)}"
    return f"{names:.200} in {printable(tracks[0].folder) or 'the music folder itself'}"
