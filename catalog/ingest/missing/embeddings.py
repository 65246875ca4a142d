"""Embeds the covers of the catalog's albums that have no embedding."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from catalog.ingest.batch_writing import PATIENCE_S, put_prints, write_bisecting
from catalog.ingest.covers.existing_album_covers import CatalogCover, CatalogCovers
from catalog.ingest.embedding.protocol import CoverEmbedder, CoverToEmbed, EmbeddedCover
from catalog.ingest.pipeline_stages import batches
from catalog.ingest.rejection import Rejected, RowFault
from catalog.ingest.report import Report
from catalog.ingest.thumbnail_storage import ThumbnailStorage
from catalog.writer.paged_reads import rows_by_id
from catalog.writer.protocol import CatalogWriter, CoverOfAlbum, MissingAlbum, NewEmbedding
from worker.retries import retry_transient

_PAGE = 500


@dataclass(slots=True)
class MissingTally:
    """The numbers of albums that were embedded, had changed, or were rejected."""

    embedded: int = 0
    #: The number of albums that another process changed, deleted or embedded after this process had read
    #: them.
    changed: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    album: MissingAlbum
    cover: CatalogCover


@dataclass(frozen=True, slots=True)
class MissingEmbeddings:
    """Embeds the catalog's albums without an embedding, in the order of their ids."""

    writer: CatalogWriter
    embedder: CoverEmbedder
    covers: CatalogCovers
    report: Report
    batch: int
    #: `advance` is called with the number of embedded albums, `skip` with the number of albums not embedded.
    advance: Callable[[int], None]
    skip: Callable[[int], None]
    #: None if no thumbnails are made.
    thumbnails: ThumbnailStorage | None = None
    makes_prints: bool = False
    tally: MissingTally = field(default_factory=MissingTally)

    def run(self) -> MissingTally:
        """Embed every album whose cover can be read.

        Raises:
            CatalogUnavailable: the catalog did not answer for two minutes; rows already written remain.
            ModelMismatch: the catalog was moved to another model during the run.
        """
        albums = rows_by_id(self._page, id_of=lambda album: album.id)
        with self.covers.loading(albums, self._read) as read:
            for batch in batches(self.embedder.embed(read), self.batch):
                if isinstance(batch, Rejected):
                    self._reject(batch)
                else:
                    self._write(batch)
        return self.tally

    def _page(self, after_id: str | None) -> list[MissingAlbum]:
        return retry_transient(
            lambda: self.writer.missing(after_id=after_id, size=_PAGE), within_s=PATIENCE_S
        )

    def _read(self, album: MissingAlbum) -> CoverToEmbed[_Found] | Rejected:
        try:
            found = self.covers.read(album)
        except RowFault as fault:
            return Rejected.of_album(album.id, fault)
        wants_thumbnails = self.thumbnails is not None and self.thumbnails.allows(
            found.source, final_url=found.read.final_url
        )
        return CoverToEmbed(
            0, album.id, found.content, _Found(album, found), wants_thumbnails, self.makes_prints
        )

    def _write(self, batch: Sequence[EmbeddedCover[_Found]]) -> None:
        written: set[str] = set()
        if self.thumbnails is not None:
            for item in batch:
                self.thumbnails.count(wanted=item.cover.wants_thumbnails, made=bool(item.thumbnails))

        def put(items: Sequence[EmbeddedCover[_Found]]) -> None:
            if self.thumbnails is not None:
                made_of = [(_cover_of(item.cover.payload), item.thumbnails) for item in items]
                self.thumbnails.put(self.writer, made_of)
            put_prints(self.writer, [(_cover_of(item.cover.payload), item.cover_print) for item in items])
            made = [_made(item) for item in items]
            written.update(self.writer.embed(made, model_fingerprint=self.embedder.stamp.fingerprint))

        refused = write_bisecting(put, batch)
        for rejected in refused:
            self._reject(rejected)
        self.tally.embedded += len(written)
        self.tally.changed += len(batch) - len(written) - len(refused)
        self.advance(len(written))
        self.skip(len(batch) - len(written) - len(refused))

    def _reject(self, rejected: Rejected) -> None:
        self.report.add(rejected)
        self.tally.rejected += 1
        self.skip(1)


def _cover_of(found: _Found) -> CoverOfAlbum:
    """Return the values that the album's row will have in the columns that identify its cover."""
    return CoverOfAlbum(found.album.id, found.cover.read.hash, found.cover.source, found.album.cover_url)


def _made(item: EmbeddedCover[_Found]) -> NewEmbedding:
    found = item.cover.payload
    validators = found.cover.read.validators
    return NewEmbedding(
        album=found.album,
        embedding=item.embedding,
        cover_hash=found.cover.read.hash,
        cover_source=found.cover.source,
        cover_etag=validators.etag,
        cover_last_modified=validators.last_modified,
        palette=item.palette,
    )
