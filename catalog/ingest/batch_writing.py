"""Writes batches: what may pass is tried again, and of a batch that is refused only what is at fault."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from catalog.ingest.embedding.protocol import EmbeddedCover
from catalog.ingest.rejection import Rejected, RowFault
from catalog.writer.album_row import AlbumRow
from catalog.writer.protocol import CatalogWriter
from common.errors import CatalogMisconfigured, CoverSearchError, ModelMismatch
from worker.retries import retry_transient

P = TypeVar("P")

#: How long an ingest waits for a catalog that does not answer.
PATIENCE_S = 120.0


def write(writer: CatalogWriter, batch: Sequence[EmbeddedCover[AlbumRow]]) -> list[Rejected]:
    """Write a batch and return what the catalog does not take; raises as `write_bisecting` does."""

    def upsert(items: Sequence[EmbeddedCover[AlbumRow]]) -> None:
        writer.upsert([replace(item.covered.payload, embedding=item.embedding) for item in items])

    return write_bisecting(upsert, batch)


def write_bisecting(
    put: Callable[[Sequence[EmbeddedCover[P]]], None], batch: Sequence[EmbeddedCover[P]]
) -> list[Rejected]:
    """Write a batch by a call that writes all or nothing, and return what the catalog does not take.

    Raises:
        CatalogUnavailable: it did not answer for two minutes.
        CatalogMisconfigured, ModelMismatch: it takes nothing at all.
    """
    try:
        retry_transient(lambda: put(batch), within_s=PATIENCE_S)
    except (CatalogMisconfigured, ModelMismatch):
        raise
    except CoverSearchError as error:
        if error.retryable:
            raise
        if len(batch) == 1:
            return [batch[0].covered.rejected(RowFault("refused_by_catalog", error.detail))]
        middle = len(batch) // 2
        return [*write_bisecting(put, batch[:middle]), *write_bisecting(put, batch[middle:])]
    return []


def update(writer: CatalogWriter, rows: Sequence[AlbumRow]) -> set[str]:
    """Write all but the embeddings and return the ids of the albums that had the same cover.

    What is not among them goes the long way, by `write`, which tells why it is refused.

    Raises:
        CatalogUnavailable: the catalog did not answer for two minutes.
        CatalogMisconfigured: it takes nothing at all.
    """
    if not rows:
        return set()
    try:
        return retry_transient(lambda: writer.update(rows), within_s=PATIENCE_S)
    except CatalogMisconfigured:
        raise
    except CoverSearchError as error:
        if error.retryable:
            raise
        middle = len(rows) // 2
        return update(writer, rows[:middle]) | update(writer, rows[middle:]) if middle else set()
