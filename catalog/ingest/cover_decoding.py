"""Decodes the covers of albums that are already in the catalog, to make what these albums lack."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from catalog.ingest.covers.existing_album_covers import CatalogCover, CatalogCovers
from catalog.ingest.pipeline_stages import in_order, open_threads
from catalog.ingest.rejection import Rejected, RowFault
from catalog.writer.protocol import CoverOfAlbum
from common.errors import ImageError

Made = TypeVar("Made")


@contextmanager
def decoding_covers(
    covers: CatalogCovers,
    albums: Iterable[CoverOfAlbum | Rejected],
    *,
    read: Callable[[CoverOfAlbum], CatalogCover],
    decode: Callable[[bytes], Made],
    threads: int,
) -> Iterator[Iterator[tuple[CoverOfAlbum, Made] | Rejected]]:
    """Read and decode covers in threads, which the end of the context stops.

    `read` may raise `RowFault`, and `decode`, which gets the bytes of a cover, may raise `ImageError`; the
    album is then rejected. At most `threads` covers are decoded at the same time.
    """

    def read_album(album: CoverOfAlbum) -> tuple[CoverOfAlbum, bytes] | Rejected:
        try:
            return album, read(album).content
        except RowFault as fault:
            return Rejected.of_album(album.id, fault)

    def decode_album(album_read: tuple[CoverOfAlbum, bytes]) -> tuple[CoverOfAlbum, Made] | Rejected:
        album, content = album_read
        try:
            return album, decode(content)
        except ImageError as error:
            return Rejected.of_album(album.id, RowFault(error.code, error.detail))

    with ExitStack() as stack:
        decoders = open_threads(stack, threads)
        contents = stack.enter_context(covers.loading(albums, read_album))
        yield in_order(decoders, decode_album, contents, ahead=2 * threads)


def check_unchanged(album: CoverOfAlbum, cover: CatalogCover) -> None:
    """Check that a cover is the cover that the album's embedding was made from.

    Raises:
        RowFault: the cover has changed.
    """
    if album.cover_hash not in {None, cover.read.hash}:
        raise RowFault(
            "cover_changed",
            f"{cover.source:.200} has changed since the album was ingested; ingest it again",
        )
