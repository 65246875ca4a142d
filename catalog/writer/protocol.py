"""The protocol of a writable catalog; both implementations pass the same contract tests.

Calls block. If the catalog refuses a row because of its values, the call raises a plain `CatalogError` and
writes no row of the batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from catalog.writer.album_row import AlbumRow
from common.catalog.protocol import Catalog, ModelStamp
from common.colours.palette import Palette
from common.prints import Print
from common.thumbnails import Thumbnails

#: The number of albums on one page; an album with its embedding as a string takes about 6 KB.
PAGE = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """The hashes and cover source of an ingested album; every field is None if the album was not ingested."""

    content_hash: str | None = None
    #: The SHA-256 of the cover; also None if the album was ingested by a release without this hash.
    cover_hash: str | None = None
    cover_source: str | None = None
    cover_etag: str | None = None
    cover_last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingCounts:
    """The number of albums without an embedding, and whether any album has an embedding."""

    without: int
    any: bool


@dataclass(frozen=True, slots=True)
class MissingAlbum:
    """An album without an embedding, with the columns that may locate its cover."""

    id: str
    cover_source: str | None
    cover_url: str | None


@dataclass(frozen=True, slots=True)
class NewEmbedding:
    """A new embedding (shape (512,), float32, unit length), and the cover from which it was made."""

    album: MissingAlbum
    embedding: npt.NDArray[np.float32]
    cover_hash: str
    cover_source: str
    cover_etag: str | None = None
    cover_last_modified: str | None = None
    palette: Palette | None = None


@dataclass(frozen=True, slots=True)
class CoverOfAlbum:
    """An album's id, and the columns of its row that identify its cover."""

    id: str
    #: The SHA-256 of the cover; None if the album was not ingested, or by a release without this hash.
    cover_hash: str | None
    cover_source: str | None
    cover_url: str | None


def cover_of(row: AlbumRow) -> CoverOfAlbum:
    """Return the columns of a row that identify its cover."""
    return CoverOfAlbum(row.id, row.cover_hash, row.cover_source, row.cover_url)


@dataclass(frozen=True, slots=True)
class AlbumThumbnails:
    """An album's cover and the thumbnails of this cover, None if there are none."""

    cover: CoverOfAlbum
    thumbnails: Thumbnails | None


@dataclass(frozen=True, slots=True)
class PrintCounts:
    """The number of albums without a print of their cover, or with one of another version."""

    missing: int
    other_version: int

    @property
    def to_make(self) -> int:
        """Return the number of albums whose print `python -m catalog prints` makes."""
        return self.missing + self.other_version


@dataclass(frozen=True, slots=True)
class IndexState:
    """The state of the HNSW index; `usable` is True if the query planner can use the index."""

    name: str
    valid: bool
    size_bytes: int
    usable: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """The counts and the index state that `catalog verify` checks."""

    albums: int
    embedded: int
    not_unit_length: int
    without_names: int
    index: IndexState | None
    #: Whether a search without filters uses the index instead of reading every album.
    walks: bool


class CatalogWriter(Catalog, Protocol):
    """A catalog that is open for writing; its methods raise the same errors as the methods of `Catalog`."""

    def origins(self, album_ids: Sequence[str]) -> dict[str, Origin]:
        """Return, by id, the origins of the given albums that have an embedding."""
        ...

    def upsert(self, rows: Sequence[AlbumRow]) -> None:
        """Insert the rows, or replace existing rows with the same ids; write all rows or none."""
        ...

    def update(self, rows: Sequence[AlbumRow]) -> set[str]:
        """Update all columns except the embedding of albums whose cover has not changed; return their ids."""
        ...

    def delete(self, album_ids: Sequence[str]) -> set[str]:
        """Delete albums and return the ids of the albums that existed."""
        ...

    def page(self, *, after_id: str | None, size: int) -> list[dict[str, Any]]:
        """Return the next rows after an id, in the order of ids; embeddings are strings."""
        ...

    def embedding_counts(self) -> EmbeddingCounts:
        """Count the albums without an embedding, and find out whether any album has an embedding."""
        ...

    def missing(self, *, after_id: str | None, size: int) -> list[MissingAlbum]:
        """Return the next albums without an embedding after an id, in the order of ids."""
        ...

    def embed(self, made: Sequence[NewEmbedding], *, model_fingerprint: str) -> set[str]:
        """Write embeddings to albums that still lack an embedding and name the same cover; return their ids.

        Raises:
            ModelMismatch: the catalog's embeddings come from another model.
        """
        ...

    def put_thumbnails(self, made: Sequence[tuple[CoverOfAlbum, Thumbnails]]) -> None:
        """Store the thumbnails of covers; albums with the same cover share them.

        The albums need not exist yet. Thumbnails of an album's present cover are replaced.
        """
        ...

    def thumbnail_page(self, *, after_id: str | None, size: int) -> list[AlbumThumbnails]:
        """Return the next albums after an id, in the order of ids, with their thumbnails."""
        ...

    def thumbnail_files(self) -> Iterator[Thumbnails]:
        """Yield the stored thumbnails of every cover, including covers that no album uses."""
        ...

    def delete_unused_thumbnails(self, *, grace_s: float) -> int:
        """Delete the stored thumbnails of covers that no album uses, and return the number of covers.

        Thumbnails that were stored in the last `grace_s` seconds are kept.
        """
        ...

    def delete_thumbnails(self, covers: Sequence[CoverOfAlbum]) -> int:
        """Delete the stored thumbnails of covers, and return the number of covers that had thumbnails."""
        ...

    def count_without_palette(self, *, version: int) -> int:
        """Count the albums without a palette of this version."""
        ...

    def covers_without_palette(self, *, version: int, after_id: str | None, size: int) -> list[CoverOfAlbum]:
        """Return the next albums without a palette of this version after an id, in the order of ids."""
        ...

    def write_palettes(self, made: Sequence[tuple[CoverOfAlbum, Palette]]) -> set[str]:
        """Write palettes to albums that still have the same cover, and return the ids of these albums."""
        ...

    def put_prints(
        self, made: Sequence[tuple[CoverOfAlbum, Print]], *, only_present: bool = False
    ) -> set[str]:
        """Store the prints of covers, and return the ids of the albums whose prints were stored.

        The albums need not exist yet, unless `only_present` is true: then a print is stored only if its cover
        is the present cover of its album.
        """
        ...

    def print_page(self, *, after_id: str | None, size: int) -> list[tuple[str, Print]]:
        """Return the next albums with a print after an id, in the order of ids; prints are not validated."""
        ...

    def print_counts(self, *, version: int) -> PrintCounts:
        """Count the albums without a print, and the albums with a print of another version."""
        ...

    def covers_without_print(self, *, version: int, after_id: str | None, size: int) -> list[CoverOfAlbum]:
        """Return the next albums without a print of this version after an id, in the order of ids."""
        ...

    def delete_prints(self, album_ids: Sequence[str]) -> int:
        """Delete the prints of albums, and return the number of albums that had one."""
        ...

    def count_unused_prints(self, *, grace_s: float) -> int:
        """Count the prints that `delete_unused_prints` deletes."""
        ...

    def delete_unused_prints(self, *, grace_s: float) -> int:
        """Delete the prints that no album has, and return their number.

        Prints that were stored in the last `grace_s` seconds are kept.
        """
        ...

    def write_stamp(self, stamp: ModelStamp) -> None:
        """Record which model made the embeddings."""
        ...

    def findings(self) -> Findings:
        """Inspect every row and the index, and return the findings."""
        ...
