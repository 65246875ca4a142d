"""Reads the covers of albums that are already in the catalog, from a URL, or from a folder by name or id."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from catalog.ingest.covers.fetch.fetcher import CoverFetcher
from catalog.ingest.covers.folder import CoverFolder
from catalog.ingest.covers.protocol import READ_AHEAD, CoverContent
from catalog.ingest.covers.urls import PER_HOST_AT_ONCE, CoverUrls, host_of
from catalog.ingest.pipeline_stages import as_completed_per_key, open_threads
from catalog.ingest.rejection import Rejected, RowFault

#: The path under which a gateway serves the folder of covers.
_SERVED = "/covers/"


class CatalogAlbum(Protocol):
    """The columns of a catalog album that may locate its cover."""

    @property
    def id(self) -> str: ...

    @property
    def cover_source(self) -> str | None:
        """The URL or file name from which an ingest read the cover, or None if the album was not ingested."""
        ...

    @property
    def cover_url(self) -> str | None:
        """The cover URL for clients, or None."""
        ...


A = TypeVar("A", bound=CatalogAlbum)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class CatalogCover:
    """A cover with its source, which is a URL or a file name in the folder of covers."""

    source: str
    read: CoverContent

    @property
    def content(self) -> bytes:
        # The bytes are never None, because the cover was not compared with an earlier cover.
        return self.read.content or b""


class CatalogCovers:
    """Reads the covers of catalog albums from URLs, and from `folder` if it is given; thread-safe."""

    def __init__(self, folder: Path | None, fetcher: CoverFetcher, max_bytes: int) -> None:
        self._files = None if folder is None else CoverFolder(folder, max_bytes)
        self._urls = CoverUrls(fetcher)

    @contextmanager
    def loading(
        self, albums: Iterable[A | Rejected], load: Callable[[A], R | Rejected]
    ) -> Iterator[Iterator[R | Rejected]]:
        """Load albums with covers in threads, which the end of the context stops.

        Albums are loaded before the consumer needs them, and a slow host does not delay other hosts.
        """
        with ExitStack() as stack:
            reading = open_threads(stack, self._urls.readers)
            # The waits for hosts are ended before the threads are shut down, because a shutdown waits for the
            # threads.
            stack.callback(self._urls.close)
            loaded = as_completed_per_key(
                reading, load, albums, key_of=_queue, per_key=PER_HOST_AT_ONCE, ahead=READ_AHEAD
            )
            yield stack.enter_context(closing(loaded))

    def read(self, album: CatalogAlbum) -> CatalogCover:
        """Return an album's cover.

        Raises:
            RowFault: the cover cannot be read.
        """
        named = location_of(album)
        if _is_url(named):
            return CatalogCover(named, self._urls.read_changed(named, None))
        if self._files is None:
            raise RowFault("missing_cover", "its cover is a file: name the folder with --covers DIR")
        source = self._files.find(album.id, album.cover_source or _file_of(album.cover_url)).source
        return CatalogCover(source, self._files.read_changed(source, None))


def location_of(album: CatalogAlbum) -> str:
    """Return the URL, path or file name of an album's cover, or "" if the album has none of these."""
    return album.cover_source or album.cover_url or ""


def _is_url(named: str) -> bool:
    return "://" in named


def _queue(album: CatalogAlbum) -> str:
    """Return the key of the queue in which a cover waits: the host of its URL, or "" for a file."""
    named = location_of(album)
    return host_of(named) if _is_url(named) else ""


def _file_of(url: str | None) -> str | None:
    """Return the file name in a URL without a host: the part after /covers/, or the last path segment."""
    if not url:
        return None
    path = unquote(urlsplit(url).path)
    return path.removeprefix(_SERVED) if path.startswith(_SERVED) else PurePosixPath(path).name or None
