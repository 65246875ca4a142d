"""Reads the rows of the catalog page by page, in the order of the albums' ids."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

from catalog.writer.protocol import PAGE, AlbumThumbnails, CatalogWriter

T = TypeVar("T")


def pages_by_id(
    read_page: Callable[[str | None], Sequence[T]], *, id_of: Callable[[T], str]
) -> Iterator[Sequence[T]]:
    """Yield pages until a page is empty; `read_page` reads the page that begins after an id."""
    after_id: str | None = None
    while page := read_page(after_id):
        yield page
        after_id = id_of(page[-1])


def rows_by_id(read_page: Callable[[str | None], Sequence[T]], *, id_of: Callable[[T], str]) -> Iterator[T]:
    """Yield the rows of all pages; rows that are written during the iteration may be missed."""
    return chain.from_iterable(pages_by_id(read_page, id_of=id_of))


def all_thumbnails(writer: CatalogWriter) -> Iterator[AlbumThumbnails]:
    """Yield every album in the order of ids with its thumbnails."""
    return rows_by_id(
        lambda after_id: writer.thumbnail_page(after_id=after_id, size=PAGE),
        id_of=lambda album: album.cover.id,
    )


def all_albums(writer: CatalogWriter) -> Iterator[dict[str, Any]]:
    """Yield every row in the order of ids."""
    return rows_by_id(lambda after_id: writer.page(after_id=after_id, size=PAGE), id_of=lambda row: row["id"])
