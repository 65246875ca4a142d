"""The protocol of a source of covers, and the items that it reads."""

import hashlib
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import quote

from catalog.ingest.columns.fields import Album
from catalog.ingest.covers.fetch.responses import Validators
from catalog.ingest.rejection import Rejected
from catalog.writer.protocol import Origin

R = TypeVar("R")

#: Covers that are read ahead of the consumer, because URLs take long.
READ_AHEAD = 64


@dataclass(frozen=True, slots=True)
class CoverLocation:
    """The file or URL of an album's cover, and other files that also match."""

    source: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverContent:
    """The bytes of a cover; None if they are unchanged since the catalog's embedding was made."""

    content: bytes | None
    hash: str
    validators: Validators


@dataclass(frozen=True, slots=True)
class AlbumToLoad:
    """An album of the table, and the origin of the catalog's album with its id."""

    album: Album
    origin: Origin | None


class Covers(Protocol):
    """A source of covers; thread-safe."""

    #: Number of threads that should read.
    readers: int

    def find(self, album_id: str, named: str | None) -> CoverLocation:
        """Return the location of an album's cover.

        Raises:
            RowFault: there is none.
        """
        ...

    def stage(
        self,
        executor: Executor,
        load: Callable[[AlbumToLoad], R | Rejected],
        to_load: Iterable[AlbumToLoad | Rejected],
    ) -> Generator[R | Rejected, None, None]:
        """Load albums with their covers, ahead of the consumer."""
        ...

    def read(self, source: str) -> bytes:
        """Return the bytes of a cover.

        Raises:
            RowFault: the cover cannot be read.
        """
        ...

    def read_changed(self, source: str, origin: Origin | None) -> CoverContent:
        """Return a cover, without its bytes if it is known to be unchanged since `origin`.

        Raises:
            RowFault: the cover cannot be read.
        """
        ...

    def close(self) -> None:
        """Cancel all waiting."""
        ...


def cover_sha256(cover: bytes) -> str:
    return hashlib.sha256(cover).hexdigest()


def cover_url(album: Album, *, source: str, template: str | None) -> str | None:
    """Return the URL that clients get: the table's, otherwise one made from the template."""
    if template is None or album.fields.cover_url is not None:
        return album.fields.cover_url
    # A file name must be percent-encoded; a URL is already.
    file = source if "://" in source else quote(source)
    return template.replace("{id}", quote(album.fields.id)).replace("{file}", file)
