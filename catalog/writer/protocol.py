"""The protocol of a writable catalog; both implementations pass the same contract tests.

Calls block. If the catalog refuses a row because of its values, the call raises a plain `CatalogError` and
writes nothing of the batch.
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
    """The data that an album was made from; every field is None for albums that were not ingested."""

    content_hash: str | None = None
    #: Also None for albums that were ingested by a release that did not keep it.
    cover_hash: str | None = None
    cover_source: str | None = None
    cover_etag: str | None = None
    cover_last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingCounts:
    """How many albums have no embedding, and whether any album has one."""

    without: int
    any: bool


@dataclass(frozen=True, slots=True)
class MissingAlbum:
    """An album without an embedding, with the catalog's information on where its cover is."""

    id: str
    cover_source: str | None
    cover_url: str | None


@dataclass(frozen=True, slots=True)
class NewEmbedding:
    """A new embedding, shape (512,), float32, unit length, of the cover that was read at `cover_source`."""

    album: MissingAlbum
    embedding: npt.NDArray[np.float32]
    cover_hash: str
    cover_source: str
    cover_etag: str | None = None
    cover_last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class IndexState:
    """The HNSW index; `usable` says whether the planner uses it for a walk."""

    name: str
    valid: bool
    size_bytes: int
    usable: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """Counts by which `verify` judges a catalog."""

    albums: int
    embedded: int
    not_unit_length: int
    without_names: int
    index: IndexState | None
    #: Whether a search without filters walks through the index; if not, it reads every album.
    walks: bool


class CatalogWriter(Catalog, Protocol):
    """A catalog opened with write access; raises the same errors as `Catalog`."""

    def origins(self, album_ids: Sequence[str]) -> dict[str, Origin]:
        """Return the origins of those albums that have an embedding, by id."""
        ...

    def upsert(self, rows: Sequence[AlbumRow]) -> None:
        """Insert the rows, or replace those with a known id: all of them or none."""
        ...

    def update(self, rows: Sequence[AlbumRow]) -> set[str]:
        """Write all columns but the embedding of albums that have the same cover; return their ids."""
        ...

    def delete(self, album_ids: Sequence[str]) -> set[str]:
        """Delete albums and return the ids of those that existed."""
        ...

    def page(self, *, after_id: str | None, size: int) -> list[dict[str, Any]]:
        """Return the next rows after an id, in the order of ids; embeddings are strings."""
        ...

    def embedding_counts(self) -> EmbeddingCounts:
        """Count the albums without an embedding."""
        ...

    def missing(self, *, after_id: str | None, size: int) -> list[MissingAlbum]:
        """Return the next albums without an embedding after an id, in the order of ids."""
        ...

    def embed(self, made: Sequence[NewEmbedding], *, model_fingerprint: str) -> set[str]:
        """Write embeddings to albums that still have none and still name the same cover; return their ids.

        Raises:
            ModelMismatch: the catalog's embeddings come from another model.
        """
        ...

    def write_stamp(self, stamp: ModelStamp) -> None:
        """Record which model made the embeddings."""
        ...

    def findings(self) -> Findings:
        """Inspect every row and the index."""
        ...


def all_albums(writer: CatalogWriter) -> Iterator[dict[str, Any]]:
    """Yield every row in the order of ids, page by page; rows written meanwhile may be missed."""
    after_id: str | None = None
    while page := writer.page(after_id=after_id, size=PAGE):
        yield from page
        after_id = page[-1]["id"]
