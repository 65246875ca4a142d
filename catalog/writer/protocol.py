"""What the operators' tools ask of a catalog that they may write to, whichever way leads there.

Both implementations pass the same contract tests. Calls block; an `Album…` that is refused for what it
holds raises a plain `CatalogError`, and nothing of its batch is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from catalog.writer.album_row import AlbumRow
from common.catalog.protocol import Catalog, ModelStamp

#: Albums of one page, about 6 KB each with their embeddings as strings.
PAGE = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """What an album was made from, as far as that was kept: nothing is known of one that nobody ingested."""

    content_hash: str | None = None
    #: None too where an album was ingested before it was kept.
    cover_hash: str | None = None
    cover_source: str | None = None
    cover_etag: str | None = None
    cover_last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingCounts:
    """How many albums have no embedding, and whether any has one."""

    without: int
    any: bool


@dataclass(frozen=True, slots=True)
class MissingAlbum:
    """An album without an embedding, and what the catalog says of where its cover is."""

    id: str
    cover_source: str | None
    cover_url: str | None


@dataclass(frozen=True, slots=True)
class NewEmbedding:
    """An embedding, shape (512,), float32, unit length, of the cover that was read at `cover_source`."""

    album: MissingAlbum
    embedding: npt.NDArray[np.float32]
    cover_hash: str
    cover_source: str
    cover_etag: str | None = None
    cover_last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class IndexState:
    """The HNSW index; `usable` says whether the planner takes it for a walk."""

    name: str
    valid: bool
    size_bytes: int
    usable: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """Figures that say whether the catalog is whole."""

    albums: int
    embedded: int
    not_unit_length: int
    without_names: int
    index: IndexState | None
    #: Whether a search without filters takes the nearest from the index; else it reads every album.
    walks: bool


class CatalogWriter(Catalog, Protocol):
    """A catalog with the rights of its owner; raises as `Catalog` does."""

    def origins(self, album_ids: Sequence[str]) -> dict[str, Origin]:
        """Return what those albums were made from that have an embedding."""
        ...

    def upsert(self, rows: Sequence[AlbumRow]) -> None:
        """Insert the rows, or replace those whose id is known: all of them or none."""
        ...

    def update(self, rows: Sequence[AlbumRow]) -> set[str]:
        """Write all but the embeddings of those albums that stand with the same cover; return their ids."""
        ...

    def delete(self, album_ids: Sequence[str]) -> set[str]:
        """Delete albums and return the ids of those that were there."""
        ...

    def page(self, *, after_id: str | None, size: int) -> list[dict[str, Any]]:
        """Return the next rows after an id, in the order of ids, as they stand; embeddings as strings."""
        ...

    def embedding_counts(self) -> EmbeddingCounts:
        """Count the albums without an embedding."""
        ...

    def missing(self, *, after_id: str | None, size: int) -> list[MissingAlbum]:
        """Return the next albums without an embedding after an id, in the order of ids."""
        ...

    def embed(self, made: Sequence[NewEmbedding], *, model_fingerprint: str) -> set[str]:
        """Embed those albums that still have no embedding and name the same cover; return their ids.

        Raises:
            ModelMismatch: the catalog's vectors come from another model.
        """
        ...

    def write_stamp(self, stamp: ModelStamp) -> None:
        """Say which model made all vectors."""
        ...

    def findings(self) -> Findings:
        """Look at every row and at the index."""
        ...


def all_albums(writer: CatalogWriter) -> Iterator[dict[str, Any]]:
    """Yield every row in the order of ids, page by page; rows written meanwhile may be missed."""
    after_id: str | None = None
    while page := writer.page(after_id=after_id, size=PAGE):
        yield from page
        after_id = page[-1]["id"]
