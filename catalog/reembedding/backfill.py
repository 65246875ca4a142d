"""Fills the copy of the table: embeds, with the new model, the covers of all albums that the copy lacks."""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from catalog.ingest.covers.existing_album_covers import CatalogCovers
from catalog.ingest.embedding.protocol import CoverEmbedder, CoverToEmbed
from catalog.ingest.pipeline_stages import batches
from catalog.ingest.rejection import Rejected, RowFault
from catalog.ingest.report import Report
from catalog.reembedding.shadow_table import LiveAlbum, NewVersion, copy, missing
from catalog.writer.paged_reads import pages_by_id, rows_by_id

_PAGE = 500
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Backfill:
    """Copies every album that the copy of the table lacks, with a new embedding."""

    connection: psycopg.Connection
    embedder: CoverEmbedder
    covers: CatalogCovers
    report: Report
    #: Whether albums without a cover are copied without an embedding.
    leave_out: bool
    advance: Callable[[int], None]

    def run(self) -> int:
        """Copy the missing albums; return the number of albums whose cover cannot be read or embedded."""
        rejected = 0
        albums = rows_by_id(self._page, id_of=_id_of)
        with self.covers.loading(albums, self._load) as loaded:
            for batch in batches(self.embedder.embed(loaded), _BATCH):
                if isinstance(batch, Rejected):
                    rejected += 1
                    self.report.add(batch)
                    continue
                copy(
                    self.connection,
                    [NewVersion(item.cover.payload, item.embedding, item.palette) for item in batch],
                )
                self.advance(len(batch))
        if self.leave_out:
            self._keep_without_embedding()
        return rejected

    def _page(self, after_id: str | None) -> list[LiveAlbum]:
        return missing(self.connection, after_id=after_id or "", size=_PAGE)

    def _load(self, album: LiveAlbum) -> CoverToEmbed[LiveAlbum] | Rejected:
        try:
            return CoverToEmbed(0, album.id, self.covers.read(album).content, album)
        except RowFault as fault:
            return Rejected.of_album(album.id, fault)

    def _keep_without_embedding(self) -> None:
        for page in pages_by_id(self._page, id_of=_id_of):
            copy(self.connection, [NewVersion(album) for album in page])


def _id_of(album: LiveAlbum) -> str:
    return album.id
