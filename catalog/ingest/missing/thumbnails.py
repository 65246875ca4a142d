"""Makes the thumbnails of the catalog's albums that have none, or whose files are lost."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from catalog.ingest.batch_writing import PATIENCE_S
from catalog.ingest.cover_decoding import check_unchanged, decoding_covers
from catalog.ingest.covers.existing_album_covers import CatalogCover, CatalogCovers, location_of
from catalog.ingest.pipeline_stages import batches
from catalog.ingest.rejection import Rejected, RowFault
from catalog.ingest.report import Report
from catalog.ingest.thumbnail_storage import ThumbnailStorage
from catalog.writer.paged_reads import rows_by_id
from catalog.writer.protocol import PAGE, AlbumThumbnails, CatalogWriter, CoverOfAlbum
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
class MissingThumbnails:
    """Makes missing thumbnails in the order of the albums' ids."""

    writer: CatalogWriter
    covers: CatalogCovers
    decoders: DecoderPool
    #: The number of covers that are decoded at the same time.
    threads: int
    decode_timeout_s: float
    storage: ThumbnailStorage
    #: Whether existing files are read, so that damaged files are replaced.
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
        decoding = decoding_covers(
            self.covers, self._missing(), read=self._read, decode=self._thumbnails, threads=self.threads
        )
        with decoding as made:
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
                yield Rejected.of_album(album.cover.id, _remote(location))
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

    def _read(self, album: CoverOfAlbum) -> CatalogCover:
        cover = self.covers.read(album)
        if not self.storage.allows(cover.source, final_url=cover.read.final_url):
            raise _remote(cover.read.final_url or cover.source)
        # The thumbnails of a changed cover would show another picture than the one that was embedded.
        check_unchanged(album, cover)
        return cover

    def _thumbnails(self, content: bytes) -> tuple[bytes, ...]:
        return self.decoders.decode_thumbnails(content, timeout_s=2 * self.decode_timeout_s)

    def _write(self, batch: Sequence[tuple[CoverOfAlbum, tuple[bytes, ...]]]) -> None:
        retry_transient(lambda: self.storage.put(self.writer, batch), within_s=PATIENCE_S)
        self._tally.made += len(batch)
        self.advance(len(batch))

    def _reject(self, rejected: Rejected) -> None:
        self.report.add(rejected)
        self._tally.rejected += 1
        self.skip(1)


def _remote(location: str) -> RowFault:
    return RowFault(REMOTE, f"the cover is at another host: {location:.200}")
