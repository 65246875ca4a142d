"""Covers that are fetched by the URLs of a column."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor
from typing import TypeVar
from urllib.parse import urlsplit

from catalog.ingest.covers.fetch.fetcher import CoverFetcher
from catalog.ingest.covers.fetch.responses import FetchedCover, Validators
from catalog.ingest.covers.protocol import READ_AHEAD, AlbumToLoad, CoverContent, CoverLocation, cover_sha256
from catalog.ingest.rejection import Rejected, RowFault
from catalog.ingest.stages import as_completed_per_key
from catalog.writer.protocol import Origin

R = TypeVar("R")

#: Connections to one host.
PER_HOST_AT_ONCE = 4


class CoverUrls:
    """URLs that the table gives; an address that an album's cover was fetched from is not asked again."""

    #: A reader that waits for a host's turn or its answer costs nothing.
    readers = 64

    def __init__(self, fetcher: CoverFetcher, *, recheck: bool = False) -> None:
        self._fetcher = fetcher
        self._recheck = recheck

    def find(self, album_id: str, named: str | None) -> CoverLocation:
        if named is None:
            raise RowFault("missing_cover", f"the album {album_id:.100} has no cover URL")
        return CoverLocation(named)

    def stage(
        self,
        executor: Executor,
        load: Callable[[AlbumToLoad], R | Rejected],
        wanted: Iterable[AlbumToLoad | Rejected],
    ) -> Generator[R | Rejected, None, None]:
        # Each host is a queue, so that a slow one holds up no other.
        return as_completed_per_key(
            executor,
            load,
            wanted,
            key_of=lambda one: self._key(one.album.cover, one.origin),
            per_key=PER_HOST_AT_ONCE,
            ahead=READ_AHEAD,
        )

    def read(self, source: str) -> bytes:
        return self._fetcher.fetch(source).content

    def read_changed(self, source: str, origin: Origin | None) -> CoverContent:
        kept = _kept(source, origin)
        if kept is None:
            return _read(self._fetcher.fetch(source))
        if not self._recheck:
            return kept
        fetched = self._fetcher.fetch_changed(source, kept.validators)
        return kept if fetched is None else _read(fetched)

    def close(self) -> None:
        self._fetcher.close()

    def _key(self, named: str | None, origin: Origin | None) -> str:
        if named is None or (_kept(named, origin) is not None and not self._recheck):
            return ""
        return host_of(named)


def host_of(url: str) -> str:
    """Return the queue in which a URL waits."""
    try:
        return urlsplit(url).netloc.casefold()
    except ValueError:
        return ""


def _kept(source: str, origin: Origin | None) -> CoverContent | None:
    """Return the cover that an album was made from, if it is known and was read there."""
    if origin is None or origin.cover_hash is None or origin.cover_source != source:
        return None
    return CoverContent(None, origin.cover_hash, Validators(origin.cover_etag, origin.cover_last_modified))


def _read(fetched: FetchedCover) -> CoverContent:
    return CoverContent(fetched.content, cover_sha256(fetched.content), fetched.validators)
