"""What an ingest asks of wherever the covers are."""

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

#: Covers that are read ahead of what needs them: URLs take their time.
READ_AHEAD = 64


@dataclass(frozen=True, slots=True)
class CoverLocation:
    """Where an album's cover is read, and where it could be read as well."""

    source: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverContent:
    """A cover's bytes, None where they are those that the catalog's embedding was made from."""

    content: bytes | None
    hash: str
    validators: Validators


@dataclass(frozen=True, slots=True)
class AlbumToLoad:
    """An album of the table, and what the one of its id in the catalog was made from."""

    album: Album
    origin: Origin | None


class Covers(Protocol):
    """Reads covers; any thread may call it."""

    #: Threads that read.
    readers: int

    def find(self, album_id: str, named: str | None) -> CoverLocation:
        """Return where an album's cover is to be read.

        Raises:
            RowFault: nowhere.
        """
        ...

    def stage(
        self,
        executor: Executor,
        load: Callable[[AlbumToLoad], R | Rejected],
        wanted: Iterable[AlbumToLoad | Rejected],
    ) -> Generator[R | Rejected, None, None]:
        """Load albums with their covers ahead of whoever takes them."""
        ...

    def read(self, source: str) -> bytes:
        """Return a cover's bytes.

        Raises:
            RowFault: it cannot be had.
        """
        ...

    def read_changed(self, source: str, origin: Origin | None) -> CoverContent:
        """Return a cover, without its bytes where it is known to be the one that an album was made from.

        Raises:
            RowFault: it cannot be had.
        """
        ...

    def close(self) -> None:
        """End all waiting."""
        ...


def cover_sha256(cover: bytes) -> str:
    return hashlib.sha256(cover).hexdigest()


def cover_url(album: Album, *, source: str, template: str | None) -> str | None:
    """Return the address that clients get: the table's own, or the template's."""
    if template is None or album.fields.cover_url is not None:
        return album.fields.cover_url
    # A file's name is not yet part of an address, a URL is one.
    file = source if "://" in source else quote(source)
    return template.replace("{id}", quote(album.fields.id)).replace("{file}", file)
