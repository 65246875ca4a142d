"""Writes batches of rows: retries transient errors, and halves a refused batch to find the refused rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from catalog.ingest.embedding.protocol import EmbeddedCover
from catalog.ingest.rejection import Rejected, RowFault
from catalog.ingest.thumbnail_storage import ThumbnailStorage
from catalog.writer.album_row import AlbumRow, palette_columns
from catalog.writer.protocol import CatalogWriter, CoverOfAlbum, cover_of
from common.errors import CatalogMisconfigured, CoverSearchError, DamagedPrint, ModelMismatch
from common.prints import Print, validate_print
from worker.retries import retry_transient

P = TypeVar("P")

#: The time, in seconds, that an ingest waits for a catalog that does not answer.
PATIENCE_S = 120.0


def write(
    writer: CatalogWriter,
    batch: Sequence[EmbeddedCover[AlbumRow]],
    *,
    thumbnails: ThumbnailStorage | None = None,
) -> list[Rejected]:
    """Write a batch and return the rows that the catalog refuses; raise the errors of `write_bisecting`.

    Thumbnails and prints are stored before the albums, so that an ingest that is killed in between leaves no
    album without them; the next run makes them again for the albums that are still to be written.

    Raises:
        OSError: the file of a thumbnail cannot be written.
    """

    def upsert(items: Sequence[EmbeddedCover[AlbumRow]]) -> None:
        if thumbnails is not None:
            made_of = [(cover_of(item.cover.payload), item.thumbnails) for item in items]
            thumbnails.put(writer, made_of)
        put_prints(writer, [(cover_of(item.cover.payload), item.cover_print) for item in items])
        writer.upsert([_row(item) for item in items])

    return write_bisecting(upsert, batch)


def put_prints(writer: CatalogWriter, made_of: Sequence[tuple[CoverOfAlbum, Print | None]]) -> None:
    """Store the prints of covers; a damaged print counts as missing."""
    made = [(cover, found) for cover, found in made_of if found is not None and _is_valid(found)]
    if made:
        writer.put_prints(made)


def _is_valid(found: Print) -> bool:
    # A worker of another release may send a damaged print, for which the catalog would refuse the album.
    try:
        validate_print(found)
    except DamagedPrint:
        return False
    return True


def _row(item: EmbeddedCover[AlbumRow]) -> AlbumRow:
    return replace(item.cover.payload, embedding=item.embedding, **palette_columns(item.palette))


def write_bisecting(
    put: Callable[[Sequence[EmbeddedCover[P]]], None], batch: Sequence[EmbeddedCover[P]]
) -> list[Rejected]:
    """Write a batch with `put`, which writes all or nothing, and return the rows that the catalog refuses.

    Raises:
        CatalogUnavailable: the catalog did not answer for two minutes.
        CatalogMisconfigured, ModelMismatch: the catalog refuses every row.
    """
    try:
        retry_transient(lambda: put(batch), within_s=PATIENCE_S)
    except (CatalogMisconfigured, ModelMismatch):
        raise
    except CoverSearchError as error:
        if error.retryable:
            raise
        if len(batch) == 1:
            return [batch[0].cover.rejected(RowFault("refused_by_catalog", error.detail))]
        middle = len(batch) // 2
        return [*write_bisecting(put, batch[:middle]), *write_bisecting(put, batch[middle:])]
    return []


def update(writer: CatalogWriter, rows: Sequence[AlbumRow]) -> set[str]:
    """Update all columns except the embedding, and return the ids of the updated albums.

    Albums whose cover has changed, and rows that the catalog refuses, are not updated; pass them to `write`.

    Raises:
        CatalogUnavailable: the catalog did not answer for two minutes.
        CatalogMisconfigured: the catalog refuses every row.
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
