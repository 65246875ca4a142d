"""Filling the copy: the covers of all albums that it lacks, embedded by the new model."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psycopg

from catalog.ingest.concurrency import as_done
from catalog.ingest.covered import Covered, CoverEmbedder
from catalog.ingest.covers.fetcher import CoverFetcher
from catalog.ingest.covers.folder import CoverFolder
from catalog.ingest.covers.protocol import READ_AHEAD
from catalog.ingest.covers.urls import PER_HOST_AT_ONCE, CoverUrls, host_of
from catalog.ingest.rejection import Rejected, RowFault
from catalog.ingest.report import Report
from catalog.ingest.staging import batches
from catalog.reembedding.shadow import LiveAlbum, copy, missing

_PAGE = 500
_BATCH = 100


class StoredCovers:
    """Covers where the catalog says that they are: URLs, and files of a folder if there is one."""

    def __init__(self, folder: Path | None, fetcher: CoverFetcher, max_bytes: int) -> None:
        self._files = None if folder is None else CoverFolder(folder, max_bytes)
        self._urls = CoverUrls(fetcher)
        self.readers = self._urls.readers

    def queue(self, album: LiveAlbum) -> str:
        """Return in which queue a cover waits to be read: that of its host, if it has one."""
        named = _named(album)
        return host_of(named) if named is not None and "://" in named else ""

    def read(self, album: LiveAlbum) -> bytes:
        """Return an album's cover.

        Raises:
            RowFault: it cannot be had.
        """
        named = _named(album)
        if named is not None and "://" in named:
            return self._urls.read(named)
        if self._files is None:
            raise RowFault("missing_cover", "its cover is a file: say where with --covers DIR")
        # An address such as /covers/1.jpg, of an album that nobody ingested, names the file at its end.
        name = album.cover_source or (None if named is None else PurePosixPath(named).name)
        return self._files.read(self._files.find(album.id, name).source)

    def close(self) -> None:
        """End all waiting for hosts."""
        self._urls.close()


def _named(album: LiveAlbum) -> str | None:
    return album.cover_source or album.cover_url


@dataclass(frozen=True, slots=True)
class Filling:
    """Brings the copy up to the live table."""

    connection: psycopg.Connection
    embedder: CoverEmbedder
    covers: StoredCovers
    report: Report
    #: Whether an album without a cover stays in the catalog without an embedding.
    leave_out: bool
    advance: Callable[[int], None]

    def run(self) -> int:
        """Copy what is missing and return how many albums have no embedding of the new model."""
        rejected = 0
        with ExitStack() as stack:
            reading = ThreadPoolExecutor(self.covers.readers)
            stack.callback(reading.shutdown, cancel_futures=True)
            # Before the threads are waited for: some may wait for a host.
            stack.callback(self.covers.close)
            loaded = as_done(
                reading,
                self._load,
                self._missing(),
                key_of=self.covers.queue,
                per_key=PER_HOST_AT_ONCE,
                ahead=READ_AHEAD,
            )
            stack.enter_context(closing(loaded))
            for batch in batches(self.embedder.embed(loaded), _BATCH):
                if isinstance(batch, Rejected):
                    rejected += 1
                    self.report.add(batch)
                    continue
                copy(self.connection, [(item.covered.payload, item.embedding) for item in batch])
                self.advance(len(batch))
        if self.leave_out:
            self._keep_without_embedding()
        return rejected

    def _missing(self) -> Iterator[LiveAlbum]:
        for page in self._pages():
            yield from page

    def _pages(self) -> Iterator[list[LiveAlbum]]:
        after_id = ""
        while page := missing(self.connection, after_id=after_id, size=_PAGE):
            yield page
            after_id = page[-1].id

    def _load(self, album: LiveAlbum) -> Covered[LiveAlbum] | Rejected:
        try:
            return Covered(0, album.id, self.covers.read(album), album)
        except RowFault as fault:
            return Rejected(0, album.id, fault.reason, fault.detail)

    def _keep_without_embedding(self) -> None:
        for page in self._pages():
            copy(self.connection, [(album, None) for album in page])
