"""Makes the prints of the catalog's albums that have no print of their present cover, or an outdated one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from catalog.ingest.batch_writing import PATIENCE_S
from catalog.ingest.cover_decoding import check_unchanged, decoding_covers
from catalog.ingest.covers.existing_album_covers import CatalogCover, CatalogCovers
from catalog.ingest.pipeline_stages import batches
from catalog.ingest.rejection import Rejected
from catalog.ingest.report import Report
from catalog.writer.paged_reads import all_prints, rows_by_id
from catalog.writer.protocol import PAGE, CatalogWriter, CoverOfAlbum
from common.errors import DamagedPrint
from common.prints import PRINT_VERSION, Print, validate_print
from worker.decode.processes.pool import DecoderPool
from worker.retries import retry_transient

#: Prints that are younger than this number of seconds are kept, because an ingest may be about to use them.
GRACE_S = 3600.0


@dataclass(slots=True)
class PrintTally:
    """The numbers of albums that got a print, had changed, or were rejected."""

    written: int = 0
    #: The number of albums that another process changed or deleted after this process had read them.
    changed: int = 0
    rejected: int = 0


def damaged_prints(writer: CatalogWriter) -> Iterator[str]:
    """Yield the ids of the albums whose print has the current version but invalid contents."""
    for album_id, cover_print in all_prints(writer):
        # A print of another version is made again anyway, and this release does not know its contents.
        if cover_print.version != PRINT_VERSION:
            continue
        try:
            validate_print(cover_print)
        except DamagedPrint:
            yield album_id


@dataclass(frozen=True, slots=True)
class MissingPrints:
    """Makes the prints that albums lack, in the order of their ids, and writes them in batches."""

    writer: CatalogWriter
    covers: CatalogCovers
    decoders: DecoderPool
    #: The number of covers that are decoded at the same time.
    threads: int
    decode_timeout_s: float
    report: Report
    batch: int
    #: `advance` is called with the number of albums that got a print, `skip` with the number of others.
    advance: Callable[[int], None]
    skip: Callable[[int], None]
    _tally: PrintTally = field(default_factory=PrintTally)

    def run(self) -> PrintTally:
        """Make the print of every cover that can be read.

        Raises:
            CatalogUnavailable: the catalog did not answer for two minutes; prints already written remain.
        """
        albums = rows_by_id(self._page, id_of=lambda cover: cover.id)
        decoding = decoding_covers(
            self.covers, albums, read=self._read, decode=self._print, threads=self.threads
        )
        with decoding as made:
            for batch in batches(made, self.batch):
                if isinstance(batch, Rejected):
                    self._reject(batch)
                else:
                    self._write(batch)
        return self._tally

    def _page(self, after_id: str | None) -> list[CoverOfAlbum]:
        return retry_transient(
            lambda: self.writer.covers_without_print(version=PRINT_VERSION, after_id=after_id, size=PAGE),
            within_s=PATIENCE_S,
        )

    def _read(self, album: CoverOfAlbum) -> CatalogCover:
        cover = self.covers.read(album)
        check_unchanged(album, cover)
        return cover

    def _print(self, content: bytes) -> Print:
        return self.decoders.decode_print(content, timeout_s=2 * self.decode_timeout_s)

    def _write(self, batch: Sequence[tuple[CoverOfAlbum, Print]]) -> None:
        written = retry_transient(
            lambda: self.writer.put_prints(batch, only_present=True), within_s=PATIENCE_S
        )
        changed = len(batch) - len(written)
        self._tally.written += len(written)
        self._tally.changed += changed
        self.advance(len(written))
        self.skip(changed)

    def _reject(self, rejected: Rejected) -> None:
        self.report.add(rejected)
        self._tally.rejected += 1
        self.skip(1)
