"""What the rest of the system asks of a catalog, whichever database answers.

Both implementations, `supabase` and `postgres`, call the same SQL functions and pass the same
contract tests. Calls block and are thread-safe; every call ends within the timeout that the
implementation was opened with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from common.errors import CatalogMisconfigured
from common.queries import Filters

#: Dimension of every embedding: the projection of CLIP ViT-B/32 and the type `vector(512)`.
EMBEDDING_DIMENSION = 512


@dataclass(frozen=True, slots=True)
class Album:
    """One row of `album_covers`, less its embedding."""

    id: str
    artist: str
    album_name: str
    genre: str | None
    release_year: int | None
    pitchfork_score: float | None
    best_new_music: bool
    cover_url: str | None
    #: All of them, `genre` first.
    genres: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Take `genre` for the only one where the others are not told."""
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
    """The whole catalog in figures; bounds are None where no album has a value."""

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
    """Which model made the catalog's vectors, from pixels of which version of the preprocessing."""

    model: str
    fingerprint: str
    #: A catalog that does not say it was stamped before there was a second one.
    preprocessing: int = 1


class Matches(list[Match]):
    """The matches of one search, nearest first."""

    def __init__(self, matches: Iterable[Match] = (), *, version: str | None = None) -> None:
        super().__init__(matches)
        #: The catalog's version in the snapshot that was searched; None where it has none.
        self.version = version


class Embeddings(dict[str, npt.NDArray[np.float32]]):
    """Embeddings, shape (512,), by the album's id."""

    def __init__(
        self, embeddings: Mapping[str, npt.NDArray[np.float32]], *, version: str | None = None
    ) -> None:
        super().__init__(embeddings)
        #: The catalog's version in the snapshot that was read; None where it has none.
        self.version = version


class Catalog(Protocol):
    """A searchable catalog of albums.

    Every method raises `CatalogUnavailable` for what may pass (connection, timeout, 429, 5xx) and
    `CatalogMisconfigured` for what will not (missing function, table or extension, wrong key).
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
        """Return the k nearest albums that meet the filters, by similarity and then id.

        `embedding` has shape (512,), float32. Fewer than k only when fewer match. Given the fingerprint
        of the model that made it, the catalog compares it with its stamp in the same snapshot.

        Raises:
            ModelMismatch: the catalog's vectors come from another model.
            InvalidParameter: the embedding is zero or not finite.
        """
        ...

    def similar(self, album_id: str, *, k: int, filters: Filters) -> Matches:
        """Return the k albums nearest to one album's embedding, without itself.

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
        """Return every genre once, by its most frequent spelling, sorted."""
        ...

    def stats(self) -> CatalogStats:
        """Return the catalog's figures, genres by descending count; an album counts in each of its own."""
        ...

    def model_stamp(self) -> ModelStamp | None:
        """Return which model made the vectors, None for a catalog that nobody stamped."""
        ...

    def version(self) -> str | None:
        """Return a text that is another after each change; None where changes may pass unnoticed."""
        ...

    def warnings(self) -> list[CatalogMisconfigured]:
        """Return what is set up wrongly without making searches wrong."""
        ...

    def check(self) -> None:
        """Prove that the functions, the table, the extension and the key are as they must be."""
        ...

    def close(self) -> None:
        """Release the connections."""
        ...
