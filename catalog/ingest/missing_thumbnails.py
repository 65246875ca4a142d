"""Makes the thumbnails of the catalog's albums that have none, or whose files are lost."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from catalog.ingest.batch_writing import PATIENCE_S
from catalog.ingest.covers.existing_album_covers import CatalogCovers, location_of
from catalog.ingest.pipeline_stages import batches, in_order, open_threads
from catalog.ingest.rejection import Rejected, RowFault
from catalog.ingest.report import Report
from catalog.ingest.thumbnail_storage import ThumbnailStorage
from catalog.writer.pages import rows_by_id
from catalog.writer.protocol import PAGE, AlbumThumbnails, CatalogWriter, CoverOfAlbum
from common.errors import ImageError
from worker.decode.processes.pool import DecoderPool
from worker.retries import retry_transient

#: The reason in the report for a cover at another host, of which no thumbnails may be made.
REMOTE = "cover_at_other_host"
_BATCH = 100


@dataclass(slots=True)
class ThumbnailTally:
    """The numbers of albums whose thumbnails were made, existed already, or were not made."""

    made: int = 0
    kept: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    cover: CoverOfAlbum
    content: bytes


@dataclass(frozen=True, slots=True)
class _Made:
    cover: CoverOfAlbum
    files: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class MissingThumbnails:
    """Makes missing thumbnails in the order of the albums' ids."""

    writer: CatalogWriter
    covers: CatalogCovers
    decoders: DecoderPool
    #: The number of covers that are decoded at the same time.
    threads: int
    decode_timeout_s: float
    storage: ThumbnailStorage
    #: Whether existing files are read, so that damaged files are made again.
    checks_files: bool
    report: Report
    #: `advance` is called with the number of albums whose thumbnails were made, `skip` with the number of
    #: other albums.
    advance: Callable[[int], None]
    skip: Callable[[int], None]
    _tally: ThumbnailTally = field(default_factory=ThumbnailTally)

    def run(self) -> ThumbnailTally:
        """Make the thumbnails of every album whose cover can be read; skip albums that have them.

        Raises:
            CatalogUnavailable: the catalog did not answer for two minutes; thumbnails already made remain.
            OSError: the file of a thumbnail cannot be written.
        """
        with ExitStack() as stack:
            reading = open_threads(stack, self.covers.readers)
            decoding = open_threads(stack, self.threads)
            # The covers are closed before the threads are shut down, because closing wakes threads that wait
            # for a host.
            stack.callback(self.covers.close)
            read = stack.enter_context(closing(self.covers.stage(reading, self._read, self._missing())))
            made = in_order(decoding, self._decode, read, ahead=2 * self.threads)
            for batch in batches(made, _BATCH):
                if isinstance(batch, Rejected):
                    self._reject(batch)
                else:
                    self._write(batch)
        return self._tally

    def _missing(self) -> Iterator[CoverOfAlbum | Rejected]:
        for album in rows_by_id(self._page, id_of=lambda album: album.cover.id):
            location = location_of(album.cover)
            if not self.storage.allows(location):
                yield _remote(album.cover, location)
            elif self._has_files(album):
                self._tally.kept += 1
                self.skip(1)
            else:
                yield album.cover

    def _page(self, after_id: str | None) -> list[AlbumThumbnails]:
        return retry_transient(
            lambda: self.writer.thumbnail_page(after_id=after_id, size=PAGE), within_s=PATIENCE_S
        )

    def _has_files(self, album: AlbumThumbnails) -> bool:
        folder = self.storage.folder
        is_there = folder.is_intact if self.checks_files else folder.exists
        return album.thumbnails is not None and all(map(is_there, album.thumbnails.digests()))

    def _read(self, cover: CoverOfAlbum) -> _Read | Rejected:
        try:
            found = self.covers.read(cover)
        except RowFault as fault:
            return Rejected(0, cover.id, fault.reason, fault.detail)
        if not self.storage.allows(found.source, final_url=found.read.final_url):
            return _remote(cover, found.read.final_url or found.source)
        if cover.cover_hash not in {None, found.read.hash}:
            # The thumbnails would show another picture than the one that the album's embedding was made from.
            detail = f"{found.source:.200} has changed since the album was ingested; ingest it again"
            return Rejected(0, cover.id, "cover_changed", detail)
        return _Read(cover, found.content)

    def _decode(self, read: _Read) -> _Made | Rejected:
        try:
            files = self.decoders.decode_thumbnails(read.content, timeout_s=2 * self.decode_timeout_s)
        except ImageError as error:
            return Rejected(0, read.cover.id, error.code, error.detail)
        return _Made(read.cover, files)

    def _write(self, batch: Sequence[_Made]) -> None:
        made_of = [(made.cover, made.files) for made in batch]
        retry_transient(lambda: self.storage.put(self.writer, made_of), within_s=PATIENCE_S)
        self._tally.made += len(batch)
        self.advance(len(batch))

    def _reject(self, rejected: Rejected) -> None:
        self.report.add(rejected)
        self._tally.rejected += 1
        self.skip(1)


def _remote(cover: CoverOfAlbum, location: str) -> Rejected:
    return Rejected(0, cover.id, REMOTE, f"the cover is at another host: {location:.200}")
