"""Fetches covers from the URLs in a table's column."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Executor
from typing import TypeVar
from urllib.parse import urlsplit

from catalog.ingest.covers.cover_hash import cover_sha256
from catalog.ingest.covers.fetch.fetcher import CoverFetcher
from catalog.ingest.covers.fetch.responses import FetchedCover, Validators
from catalog.ingest.covers.protocol import (
    READ_AHEAD,
    AlbumToLoad,
    CoverContent,
    CoverLocation,
    FailedCover,
)
from catalog.ingest.pipeline_stages import as_completed_per_key
from catalog.ingest.rejection import Rejected, RowFault
from catalog.writer.protocol import Origin

R = TypeVar("R")

#: The maximum number of simultaneous connections to one host.
PER_HOST_AT_ONCE = 4


class CoverUrls:
    """Fetches the URLs of a table; skips URLs that were fetched before unless `recheck` is set."""

    #: The number of threads; it is large, because a thread that waits for a host costs almost nothing.
    readers = 64

    def __init__(self, fetcher: CoverFetcher, *, recheck: bool = False) -> None:
        self._fetcher = fetcher
        self._recheck = recheck

    def find(self, album_id: str, named: str | None, failed: Sequence[FailedCover] = ()) -> CoverLocation:
        if named is None:
            raise RowFault("missing_cover", f"the album {album_id:.100} has no cover URL")
        if failed:
            raise failed[0].fault
        return CoverLocation(named)

    def stage(
        self,
        executor: Executor,
        load: Callable[[AlbumToLoad], R | Rejected],
        to_load: Iterable[AlbumToLoad | Rejected],
    ) -> Generator[R | Rejected, None, None]:
        # Every host has its own queue, so that a slow host does not delay other hosts.
        return as_completed_per_key(
            executor,
            load,
            to_load,
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
    """Return the host of a URL, or an empty string if the URL has no host."""
    try:
        return urlsplit(url).netloc.casefold()
    except ValueError:
        return ""


def _kept(source: str, origin: Origin | None) -> CoverContent | None:
    """Return the catalog's cover, without bytes, if it came from the same source and its hash is known."""
    if origin is None or origin.cover_hash is None or origin.cover_source != source:
        return None
    return CoverContent(None, origin.cover_hash, Validators(origin.cover_etag, origin.cover_last_modified))


def _read(fetched: FetchedCover) -> CoverContent:
    return CoverContent(fetched.content, cover_sha256(fetched.content), fetched.validators, fetched.final_url)
