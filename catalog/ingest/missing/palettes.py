"""Computes the palettes of the catalog's albums that have no palette of the current version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from catalog.ingest.batch_writing import PATIENCE_S
from catalog.ingest.cover_decoding import check_unchanged, decoding_covers
from catalog.ingest.covers.existing_album_covers import CatalogCover, CatalogCovers
from catalog.ingest.pipeline_stages import batches
from catalog.ingest.rejection import Rejected
from catalog.ingest.report import Report
from catalog.writer.paged_reads import rows_by_id
from catalog.writer.protocol import PAGE, CatalogWriter, CoverOfAlbum
from common.colours.palette import PALETTE_VERSION, Palette
from worker.decode.palette_extraction import palette_of
from worker.decode.processes.pool import DecoderPool
from worker.retries import retry_transient


@dataclass(slots=True)
class PaletteTally:
    """The numbers of albums that got a palette, had changed, or were rejected."""

    written: int = 0
    #: The number of albums that another process changed or deleted after this process had read them.
    changed: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class MissingPalettes:
    """Computes the palettes that albums lack, in the order of their ids, and writes them in batches."""

    writer: CatalogWriter
    covers: CatalogCovers
    decoders: DecoderPool
    #: The number of covers that are decoded at the same time.
    threads: int
    decode_timeout_s: float
    report: Report
    batch: int
    #: `advance` is called with the number of albums that got a palette, `skip` with the number of others.
    advance: Callable[[int], None]
    skip: Callable[[int], None]
    _tally: PaletteTally = field(default_factory=PaletteTally)

    def run(self) -> PaletteTally:
        """Compute the palette of every cover that can be read.

        Raises:
            CatalogUnavailable: the catalog did not answer for two minutes; palettes already written remain.
        """
        albums = rows_by_id(self._page, id_of=lambda cover: cover.id)
        decoding = decoding_covers(
            self.covers, albums, read=self._read, decode=self._palette, threads=self.threads
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
            lambda: self.writer.covers_without_palette(version=PALETTE_VERSION, after_id=after_id, size=PAGE),
            within_s=PATIENCE_S,
        )

    def _read(self, album: CoverOfAlbum) -> CatalogCover:
        cover = self.covers.read(album)
        check_unchanged(album, cover)
        return cover

    def _palette(self, content: bytes) -> Palette:
        return palette_of(self.decoders.decode(content, timeout_s=2 * self.decode_timeout_s))

    def _write(self, batch: Sequence[tuple[CoverOfAlbum, Palette]]) -> None:
        written = retry_transient(lambda: self.writer.write_palettes(batch), within_s=PATIENCE_S)
        changed = len(batch) - len(written)
        self._tally.written += len(written)
        self._tally.changed += changed
        self.advance(len(written))
        self.skip(changed)

    def _reject(self, rejected: Rejected) -> None:
        self.report.add(rejected)
        self._tally.rejected += 1
        self.skip(1)
