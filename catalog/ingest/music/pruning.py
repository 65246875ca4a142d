"""Deletes albums from the catalog that are gone from the music folder.

Many missing albums may mean that a disk is not mounted. Therefore the operator must confirm the deletion of
more than a fifth of the albums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from catalog.ingest.batch_writing import PATIENCE_S
from catalog.ingest.music.library import MusicLibrary
from catalog.writer.protocol import CatalogWriter
from worker.retries import retry_transient

#: The share of a library's albums that may be deleted without a confirmation.
SHARE_MAX = 0.2
_BATCH = 500


@dataclass(frozen=True, slots=True)
class GoneAlbums:
    """The catalog's albums that are gone from the folder, and the number of the library's albums in it."""

    ids: Sequence[str]
    in_catalog: int

    @property
    def needs_confirmation(self) -> bool:
        return len(self.ids) > SHARE_MAX * self.in_catalog


def find_gone(library: MusicLibrary, writer: CatalogWriter) -> GoneAlbums:
    """Return the albums that earlier runs loaded into this catalog and that are gone from the folder."""
    gone = library.gone()
    if not gone:
        return GoneAlbums((), 0)
    in_catalog: set[str] = set()
    for batch in _batches(library.all_ids()):
        in_catalog |= retry_transient(partial(writer.origins, batch), within_s=PATIENCE_S).keys()
    return GoneAlbums([album_id for album_id in gone if album_id in in_catalog], len(in_catalog))


def delete_gone(writer: CatalogWriter, gone: GoneAlbums) -> int:
    """Delete the albums from the catalog, and return how many existed."""
    deleted = 0
    for batch in _batches(gone.ids):
        deleted += len(retry_transient(partial(writer.delete, batch), within_s=PATIENCE_S))
    return deleted


def _batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
