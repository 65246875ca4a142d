"""The ingest itself: the stages put together, and the count of what became of the rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from catalog.ingest.covered import Covered, CoverEmbedder, Embedded
from catalog.ingest.covers.protocol import FoundCover, cover_url
from catalog.ingest.hashing import content_hash
from catalog.ingest.mapping import COVER, Album
from catalog.ingest.rejection import Note, Rejected, RowFault
from catalog.ingest.report import Notes, Report
from catalog.ingest.source import Source
from catalog.ingest.staging import batches, in_order
from catalog.ingest.writing import PATIENCE_S, update, write
from catalog.rows import AlbumRow
from catalog.writing.protocol import CatalogWriter, Hashes
from worker.retrying import retry_passing

#: Albums of one call to the catalog; of the smaller, an ingest that is killed repeats less.
BATCH = 100
#: Covers that are read at once, and ahead of what needs them: URLs take their time.
READERS, READ_AHEAD = 16, 64

_NO_EMBEDDING = np.empty(0, dtype=np.float32)


@dataclass(slots=True)
class Tally:
    """What became of the rows."""

    written: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Ingest:
    """Brings a table's rows into a catalog; what stands there unchanged is left alone."""

    source: Source
    writer: CatalogWriter
    embedder: CoverEmbedder
    report: Report
    notes: Notes
    cover_url: str | None
    batch: int
    #: Told of rows whose covers were embedded, and of rows that are done without.
    advance: Callable[[int], None]
    skip: Callable[[int], None]

    def run(self) -> Tally:
        """Take every row.

        Raises:
            CatalogUnavailable: the catalog did not answer for two minutes; what was written stays.
        """
        tally = Tally()
        with ExitStack() as stack:
            reading = _threads(stack, READERS)
            writing = _threads(stack, 1)
            loaded = in_order(reading, self._load, self._noted(), ahead=READ_AHEAD)
            embedded = self.embedder.embed(self._changed(loaded, tally))
            for done in in_order(writing, self._write, batches(embedded, self.batch), ahead=1):
                self._count(done, tally)
        return tally

    def _noted(self) -> Iterator[Album | Rejected]:
        for album in self.source.albums():
            if isinstance(album, Album):
                for note in album.notes:
                    self.notes.add(note)
            yield album

    def _load(self, album: Album) -> Covered[AlbumRow] | Rejected:
        try:
            found = self.source.covers.find(album.fields.id, album.cover)
            cover = self.source.covers.read(found.source)
        except RowFault as fault:
            return Rejected(album.row, album.fields.id, fault.reason, fault.detail)
        self._note_ambiguity(album, found)
        source = found.source
        url = cover_url(album, source=source, template=self.cover_url)
        fields = album.fields.model_dump() | {"cover_url": url}
        row = AlbumRow(embedding=_NO_EMBEDDING, metadata=album.metadata, cover_source=source, **fields)
        covered = Covered(album.row, row.id, cover, row)
        cover_hash = covered.cover_hash
        digest = content_hash(album, cover_hash=cover_hash, cover_source=source, cover_url=url)
        return replace(covered, payload=replace(row, content_hash=digest, cover_hash=cover_hash))

    def _note_ambiguity(self, album: Album, found: FoundCover) -> None:
        if found.others:
            detail = f"{found.source} is taken; there is also {', '.join(found.others)}"
            self.notes.add(Note(album.row, album.fields.id, COVER, "several_covers", detail))

    def _changed(
        self, loaded: Iterable[Covered[AlbumRow] | Rejected], tally: Tally
    ) -> Iterator[Covered[AlbumRow] | Rejected]:
        for batch in batches(loaded, BATCH):
            if isinstance(batch, Rejected):
                yield batch
                continue
            known = self._known([item.id for item in batch])
            changed = [item for item in batch if not _is_same(item.payload, known)]
            kept = update(
                self.writer, [item.payload for item in changed if _has_same_cover(item.payload, known)]
            )
            tally.unchanged += len(batch) - len(changed)
            tally.written += len(kept)
            self.skip(len(batch) - len(changed) + len(kept))
            yield from (item for item in changed if item.id not in kept)

    def _known(self, album_ids: list[str]) -> Mapping[str, Hashes]:
        return retry_passing(lambda: self.writer.hashes(album_ids), within_s=PATIENCE_S)

    def _write(self, batch: list[Embedded[AlbumRow]]) -> tuple[int, list[Rejected]]:
        refused = write(self.writer, batch)
        return len(batch) - len(refused), refused

    def _count(self, done: tuple[int, list[Rejected]] | Rejected, tally: Tally) -> None:
        written, refused = (0, [done]) if isinstance(done, Rejected) else done
        for rejected in refused:
            self.report.add(rejected)
        tally.written += written
        tally.rejected += len(refused)
        self.advance(written)
        self.skip(len(refused))


def _is_same(row: AlbumRow, known: Mapping[str, Hashes]) -> bool:
    return row.id in known and known[row.id].content == row.content_hash


def _has_same_cover(row: AlbumRow, known: Mapping[str, Hashes]) -> bool:
    return row.id in known and known[row.id].cover == row.cover_hash


def _threads(stack: ExitStack, count: int) -> ThreadPoolExecutor:
    """Return an executor that at the end drops what it has not begun."""
    executor = ThreadPoolExecutor(count)
    stack.callback(executor.shutdown, cancel_futures=True)
    return executor
