"""Every album of a catalog, page by page in the order of ids."""

from collections.abc import Iterator
from typing import Any

from catalog.writer.protocol import CatalogWriter

#: Of 6 KB each, embeddings as strings included.
PAGE = 500


def all_albums(writer: CatalogWriter) -> Iterator[dict[str, Any]]:
    """Yield the rows as they stand; one that is written meanwhile may be missed."""
    after_id: str | None = None
    while page := writer.page(after_id=after_id, size=PAGE):
        yield from page
        after_id = page[-1]["id"]
