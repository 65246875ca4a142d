"""The protocol of a source of covers, with the types of its input and output."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import quote

from catalog.ingest.columns.fields import Album
from catalog.ingest.covers.fetch.responses import Validators
from catalog.ingest.rejection import Rejected, RowFault
from catalog.writer.protocol import Origin

R = TypeVar("R")

#: The maximum number of covers that are read in advance, because fetching a cover from a URL takes long.
READ_AHEAD = 64


@dataclass(frozen=True, slots=True)
class CoverLocation:
    """The file name or URL of an album's cover, and the names of other files that match the album."""

    source: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverContent:
    """A cover; `content` is None if the cover has not changed since the catalog's embedding was made."""

    content: bytes | None
    hash: str
    validators: Validators
    #: The URL that sent the bytes, after all redirects; None if no URL was fetched.
    final_url: str | None = None
    #: The location from which the cover was read, if it is not the location that was asked for.
    source: str | None = None


@dataclass(frozen=True, slots=True)
class FailedCover:
    """A cover of an album that cannot be decoded."""

    source: str
    hash: str
    fault: RowFault


@dataclass(frozen=True, slots=True)
class AlbumToLoad:
    """A table's album, and the origin of the catalog's album with the same id (None for a new album)."""

    album: Album
    origin: Origin | None
    #: The covers of the album that this run could not decode, in the order in which they were tried.
    failed: tuple[FailedCover, ...] = ()


class Covers(Protocol):
    """A source of covers; thread-safe."""

    #: The number of threads that should read covers.
    readers: int

    def find(self, album_id: str, named: str | None, failed: Sequence[FailedCover] = ()) -> CoverLocation:
        """Return the location of an album's best cover that is not among the `failed` covers.

        `named` is the table's file name or URL.

        Raises:
            RowFault: the album has no cover, or all its covers have failed.
        """
        ...

    def stage(
        self,
        executor: Executor,
        load: Callable[[AlbumToLoad], R | Rejected],
        to_load: Iterable[AlbumToLoad | Rejected],
    ) -> Generator[R | Rejected, None, None]:
        """Load albums with their covers, in the executor, before the consumer needs them."""
        ...

    def read(self, source: str) -> bytes:
        """Return the bytes of a cover.

        Raises:
            RowFault: the cover cannot be read.
        """
        ...

    def read_changed(self, source: str, origin: Origin | None) -> CoverContent:
        """Return a cover, without its bytes if the cover has certainly not changed since `origin`.

        Raises:
            RowFault: the cover cannot be read.
        """
        ...

    def close(self) -> None:
        """End all waits immediately."""
        ...


def cover_url(album: Album, *, source: str, template: str | None) -> str | None:
    """Return the cover URL for clients: the table's URL if it has one, otherwise a URL from the template."""
    if template is None or album.fields.cover_url is not None:
        return album.fields.cover_url
    # A file name must be percent-encoded; a URL is percent-encoded already.
    file = source if "://" in source else quote(source)
    return template.replace("{id}", quote(album.fields.id)).replace("{file}", file)
