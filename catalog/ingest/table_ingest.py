"""The ingest of a table or another source: connects the pipeline stages, and counts rows by outcome."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import Protocol

from catalog.ingest.album_loading import AlbumLoader, LoadedAlbum
from catalog.ingest.batch_writing import PATIENCE_S, update, write
from catalog.ingest.columns.fields import Album
from catalog.ingest.covers.protocol import AlbumToLoad, Covers, FailedCover
from catalog.ingest.embedding.protocol import CoverEmbedder, CoverToEmbed, EmbeddedCover
from catalog.ingest.pipeline_stages import batches, in_order, open_threads
from catalog.ingest.rejection import Note, Rejected, RowFault
from catalog.ingest.report import Notes, Report
from catalog.ingest.thumbnail_storage import ThumbnailStorage
from catalog.writer.album_row import AlbumRow
from catalog.writer.protocol import CatalogWriter, Origin
from worker.retries import retry_transient

#: The number of albums per call to the catalog; with smaller batches, a killed ingest repeats less work.
BATCH = 100


class Source(Protocol):
    """A source of albums with their covers, such as a table or a music library."""

    @property
    def covers(self) -> Covers: ...

    def albums(self) -> Iterator[Album | Rejected]:
        """Yield an album or a rejection for every row; no two of them have the same row number."""
        ...


@dataclass(slots=True)
class Tally:
    """The numbers of rows that were written, unchanged or rejected."""

    written: int = 0
    #: The number of written albums that were new to the catalog.
    added: int = 0
    unchanged: int = 0
    rejected: int = 0
    #: The number of written or unchanged albums whose cover was not fetched again.
    not_fetched: int = 0


@dataclass(frozen=True, slots=True)
class _Embedding:
    """An album whose cover is being embedded."""

    to_load: AlbumToLoad
    source: str
    hash: str

    def failed(self, rejected: Rejected) -> AlbumToLoad:
        """Return the album to load with its next cover."""
        cover = FailedCover(self.source, self.hash, RowFault(rejected.reason, rejected.detail))
        return replace(self.to_load, failed=(*self.to_load.failed, cover))


@dataclass(frozen=True, slots=True)
class Ingest:
    """Writes a source's albums to a catalog, except albums that the catalog already has unchanged."""

    source: Source
    writer: CatalogWriter
    embedder: CoverEmbedder
    report: Report
    notes: Notes
    cover_url: str | None
    batch: int
    #: `advance` is called with the number of embedded rows, `skip` with the number of rows not embedded.
    advance: Callable[[int], None]
    skip: Callable[[int], None]
    #: None if the ingest makes no thumbnails.
    thumbnails: ThumbnailStorage | None = None
    makes_prints: bool = False
    tally: Tally = field(default_factory=Tally)
    #: Maps row numbers to the albums, and the sources and hashes of the covers, that are being embedded.
    _embedding: dict[int, _Embedding] = field(default_factory=dict)
    #: The row numbers of embedded albums that are new to the catalog and not yet written.
    _new: set[int] = field(default_factory=set)
    #: Albums whose cover could not be decoded, and whose next cover must be tried.
    _to_retry: deque[AlbumToLoad] = field(default_factory=deque)

    def run(self) -> Tally:
        """Process every row.

        Raises:
            CatalogUnavailable: the catalog did not answer for two minutes; rows already written remain.
        """
        covers = self.source.covers
        with ExitStack() as stack:
            reading = open_threads(stack, covers.readers)
            writing = open_threads(stack, 1)
            # The covers are closed before the threads are shut down, because closing wakes threads that wait
            # for a host.
            stack.callback(covers.close)
            loaded = covers.stage(reading, self._loader.load, self._albums_to_load())
            embedded = self._embedded(stack.enter_context(closing(loaded)))
            for done in in_order(writing, self._write, batches(embedded, self.batch), ahead=1):
                self._count(done)
        return self.tally

    @property
    def _loader(self) -> AlbumLoader:
        return AlbumLoader(self.source.covers, self.cover_url)

    def _albums_to_load(self) -> Iterator[AlbumToLoad | Rejected]:
        """Yield the source's albums; for an album in the catalog, add where its stored cover came from."""
        for batch in batches(self.source.albums(), BATCH):
            if isinstance(batch, Rejected):
                yield batch
                continue
            origins = self._origins([album.fields.id for album in batch])
            for album in batch:
                self._note(album.notes)
                yield AlbumToLoad(album, origins.get(album.fields.id))

    def _origins(self, album_ids: list[str]) -> Mapping[str, Origin]:
        return retry_transient(lambda: self.writer.origins(album_ids), within_s=PATIENCE_S)

    def _embedded(
        self, loaded: Iterable[LoadedAlbum | Rejected]
    ) -> Iterator[EmbeddedCover[AlbumRow] | Rejected]:
        """Embed the albums; an album whose cover cannot be decoded is embedded with its next cover."""
        yield from self._embedded_once(loaded)
        # The last covers may fail after the last album was loaded.
        while self._to_retry:
            yield from self._embedded_once(())

    def _embedded_once(
        self, loaded: Iterable[LoadedAlbum | Rejected]
    ) -> Iterator[EmbeddedCover[AlbumRow] | Rejected]:
        for item in self.embedder.embed(self._changed_albums(self._with_retries(loaded))):
            number = item.row if isinstance(item, Rejected) else item.cover.row
            embedding = self._embedding.pop(number, None)
            if isinstance(item, Rejected) and embedding is not None:
                self._to_retry.append(embedding.failed(item))
                continue
            if embedding is not None and embedding.to_load.origin is None:
                self._new.add(number)
            if isinstance(item, EmbeddedCover) and self.thumbnails is not None:
                self.thumbnails.count(wanted=item.cover.wants_thumbnails, made=bool(item.thumbnails))
            yield item

    def _with_retries(self, loaded: Iterable[LoadedAlbum | Rejected]) -> Iterator[LoadedAlbum | Rejected]:
        """Yield the loaded albums, and between them the albums to retry, so that few albums wait."""
        for item in loaded:
            yield from self._retried()
            yield item
        yield from self._retried()

    def _retried(self) -> Iterator[LoadedAlbum | Rejected]:
        while self._to_retry:
            yield self._loader.load(self._to_retry.popleft())

    def _changed_albums(
        self, loaded: Iterable[LoadedAlbum | Rejected]
    ) -> Iterator[CoverToEmbed[AlbumRow] | Rejected]:
        """Yield covers to embed, and write changed rows whose cover has not changed."""
        same_cover: list[LoadedAlbum] = []
        for item in loaded:
            if isinstance(item, Rejected):
                yield item
                continue
            self._note(item.notes)
            self.tally.not_fetched += item.cover is None and not item.notes
            if item.is_unchanged() and (item.has_same_validators() or not item.has_same_cover()):
                self._count_kept(item)
            elif item.has_same_cover():
                same_cover.append(item)
            else:
                yield self._queue_for_embedding(item)
            if len(same_cover) == BATCH:
                yield from self._update(same_cover)
                same_cover = []
        yield from self._update(same_cover)

    def _update(self, items: list[LoadedAlbum]) -> Iterator[CoverToEmbed[AlbumRow] | Rejected]:
        """Write rows whose cover has not changed; yield the other rows, to embed them again."""
        kept = update(self.writer, [item.row for item in items])
        for item in items:
            if item.row.id in kept:
                self._count_kept(item)
                continue
            reloaded = item if item.cover is not None else self._loader.load_without_origin(item.to_load)
            yield reloaded if isinstance(reloaded, Rejected) else self._queue_for_embedding(reloaded)

    def _queue_for_embedding(self, item: LoadedAlbum) -> CoverToEmbed[AlbumRow]:
        self._embedding[item.to_load.album.row] = _Embedding(
            item.to_load, item.row.cover_source or "", item.row.cover_hash or ""
        )
        wanted = self.thumbnails is not None and self.thumbnails.allows(
            item.row.cover_source or "", final_url=item.final_url
        )
        return item.to_embed(wants_thumbnails=wanted, wants_print=self.makes_prints)

    def _write(self, batch: list[EmbeddedCover[AlbumRow]]) -> tuple[set[int], list[Rejected]]:
        """Write a batch, and return the numbers of the written rows and the refused rows."""
        refused = write(self.writer, batch, thumbnails=self.thumbnails)
        return {item.cover.row for item in batch} - {one.row for one in refused}, refused

    def _note(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self.notes.add(note)

    def _count_kept(self, item: LoadedAlbum) -> None:
        if item.is_unchanged():
            self.tally.unchanged += 1
        else:
            self.tally.written += 1
        self.skip(1)

    def _count(self, done: tuple[set[int], list[Rejected]] | Rejected) -> None:
        written, refused = (set[int](), [done]) if isinstance(done, Rejected) else done
        for rejected in refused:
            self.report.add(rejected)
        self.tally.written += len(written)
        self.tally.added += len(written & self._new)
        self._new.difference_update(written)
        self.tally.rejected += len(refused)
        self.advance(len(written))
        self.skip(len(refused))
