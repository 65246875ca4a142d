"""The catalog protocol and its data types, independent of the database.

Both implementations, `supabase` and `postgres`, call the same SQL functions and pass the same
contract tests. Calls block and are thread-safe; every call ends within the timeout with which the
implementation was opened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from common.errors import CatalogMisconfigured
from common.filters import Filters

#: Dimension of every embedding: the projection of CLIP ViT-B/32 and the type `vector(512)`.
EMBEDDING_DIMENSION = 512


@dataclass(frozen=True, slots=True)
class Album:
    """One row of `album_covers` without its embedding."""

    id: str
    artist: str
    album_name: str
    genre: str | None
    release_year: int | None
    pitchfork_score: float | None
    best_new_music: bool
    cover_url: str | None
    #: All genres of the album, `genre` first.
    genres: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Set `genres` from `genre` if it was not given."""
        if not self.genres and self.genre:
            object.__setattr__(self, "genres", (self.genre,))


@dataclass(frozen=True, slots=True)
class Match:
    """An album and the cosine of its embedding with the query's, in [-1, 1]."""

    album: Album
    similarity: float


@dataclass(frozen=True, slots=True)
class GenreCount:
    genre: str
    count: int


@dataclass(frozen=True, slots=True)
class CatalogStats:
    """Statistics of the catalog; a bound is None if no album has a value."""

    total_albums: int
    genres: tuple[GenreCount, ...]
    year_min: int | None
    year_max: int | None
    score_average: float | None
    score_min: float | None
    score_max: float | None
    best_new_music_count: int


@dataclass(frozen=True, slots=True)
class ModelStamp:
    """The model and the version of the preprocessing that made the catalog's vectors."""

    model: str
    fingerprint: str
    #: A catalog that does not store the version was made with version 1.
    preprocessing: int = 1


class Matches(list[Match]):
    """The matches of one search, nearest first."""

    def __init__(self, matches: Iterable[Match] = (), *, version: str | None = None) -> None:
        super().__init__(matches)
        #: The catalog's version in the snapshot that was searched; None if it has no version.
        self.version = version


class Embeddings(dict[str, npt.NDArray[np.float32]]):
    """Embeddings, shape (512,), by album id."""

    def __init__(
        self, embeddings: Mapping[str, npt.NDArray[np.float32]], *, version: str | None = None
    ) -> None:
        super().__init__(embeddings)
        #: The catalog's version in the snapshot that was read; None if it has no version.
        self.version = version


class Catalog(Protocol):
    """A searchable catalog of albums.

    Every method raises `CatalogUnavailable` for a transient failure (connection, timeout, 429, 5xx) and
    `CatalogMisconfigured` for a permanent one (missing function, table or extension, wrong key).
    """

    def search(
        self,
        embedding: npt.NDArray[np.float32],
        *,
        k: int,
        filters: Filters,
        exclude_ids: Sequence[str] = (),
        model_fingerprint: str | None = None,
    ) -> Matches:
        """Return the k nearest albums that meet the filters, sorted by similarity and then by id.

        `embedding` has shape (512,), float32. Fewer than k albums are returned only if fewer match. If
        `model_fingerprint` is given, the catalog compares it with its own model's in the same snapshot.

        Raises:
            ModelMismatch: the catalog's vectors come from another model.
            InvalidParameter: the embedding is zero or not finite.
        """
        ...

    def similar(self, album_id: str, *, k: int, filters: Filters) -> Matches:
        """Return the k albums nearest to an album's embedding, without the album itself.

        Raises:
            AlbumNotFound: no album has this id.
        """
        ...

    def album(self, album_id: str) -> Album:
        """Return one album.

        Raises:
            AlbumNotFound: no album has this id.
        """
        ...

    def embeddings(self, album_ids: Sequence[str]) -> Embeddings:
        """Return the embeddings of the albums that exist."""
        ...

    def genres(self) -> list[str]:
        """Return every genre once, in its most frequent spelling, sorted."""
        ...

    def stats(self) -> CatalogStats:
        """Return statistics, genres by descending count; an album counts in each of its genres."""
        ...

    def model_stamp(self) -> ModelStamp | None:
        """Return the model that made the vectors, None if the catalog does not store it."""
        ...

    def version(self) -> str | None:
        """Return a token that differs after each change of the catalog; None if changes are not tracked."""
        ...

    def warnings(self) -> list[CatalogMisconfigured]:
        """Return the faults of the setup that do not make search results wrong."""
        ...

    def check(self) -> None:
        """Raise an error if a function, the table or the extension is missing or the key is wrong."""
        ...

    def close(self) -> None:
        """Release the connections."""
        ...
