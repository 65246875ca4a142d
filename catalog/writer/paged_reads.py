"""Reads the rows of the catalog page by page, in the order of the albums' ids."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

from catalog.writer.protocol import PAGE, AlbumThumbnails, CatalogWriter
from common.catalog.protocol import PRINTS_MAX
from common.prints import Print

#: The number of prints on one page; a print takes up to 11 KB in base64.
PRINTS_PAGE = 100

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


def all_prints(writer: CatalogWriter) -> Iterator[tuple[str, Print]]:
    """Yield the id and the print, not validated, of every album with a print, in the order of ids."""
    return rows_by_id(
        lambda after_id: writer.print_page(after_id=after_id, size=PRINTS_PAGE), id_of=lambda album: album[0]
    )


def all_albums(writer: CatalogWriter, *, with_prints: bool = False) -> Iterator[dict[str, Any]]:
    """Yield every row in the order of ids; with prints, `print` is the `Print` of the album or None."""

    def page(after_id: str | None) -> Sequence[dict[str, Any]]:
        rows = writer.page(after_id=after_id, size=PAGE)
        return _with_prints(writer, rows) if with_prints else rows

    return rows_by_id(page, id_of=lambda row: row["id"])


def _with_prints(writer: CatalogWriter, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    prints: dict[str, Print] = {}
    for start in range(0, len(rows), PRINTS_MAX):
        prints |= writer.prints([row["id"] for row in rows[start : start + PRINTS_MAX]])
    return [row | {"print": prints.get(row["id"])} for row in rows]
