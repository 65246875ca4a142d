"""The catalog protocol and its data types, independent of the database.

Both implementations, `supabase` and `postgres`, call the same SQL functions and pass the same
contract tests. All methods of a catalog are blocking and thread-safe; each call ends within the timeout that
was set when the catalog was opened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from common.album_metadata import NO_METADATA, MetadataOmission
from common.catalog.facets.columns import FacetColumns, GenreNames
from common.catalog.ranking import Ranking
from common.errors import CatalogMisconfigured
from common.filters import Filters
from common.prints import Print
from common.thumbnails import Thumbnails

#: The number of values in every embedding, fixed by CLIP ViT-B/32 and by the column type `vector(512)`.
EMBEDDING_DIMENSION = 512
#: The maximum number of albums whose prints one call returns.
PRINTS_MAX = 50


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
    #: All genres of the album; `genre` is the first of them.
    genres: tuple[str, ...] = ()
    #: None if no thumbnails were made of the album's cover.
    thumbnails: Thumbnails | None = None
    #: None if the album has no reviewer, or was found by a search without `details`.
    reviewer: str | None = None
    #: A JSON text, which is not parsed, because it may contain numbers that Python would change. Empty if the
    #: album was found by a search without `details`.
    metadata: str = NO_METADATA
    #: Why `metadata` is empty although the catalog has metadata of the album; None if nothing was omitted.
    metadata_omitted: MetadataOmission | None = None

    def __post_init__(self) -> None:
        """If `genres` was not given, set it to a tuple that contains only `genre`."""
        if not self.genres and self.genre:
            object.__setattr__(self, "genres", (self.genre,))


@dataclass(frozen=True, slots=True)
class Match:
    """An album and its cosine similarity to the query, in [-1, 1]."""

    album: Album
    similarity: float


@dataclass(frozen=True, slots=True)
class GenreCount:
    genre: str
    count: int


@dataclass(frozen=True, slots=True)
class CatalogStats:
    """Statistics of the catalog; a minimum, maximum or average is None if no album has a value."""

    total_albums: int
    genres: tuple[GenreCount, ...]
    year_min: int | None
    year_max: int | None
    score_average: float | None
    score_min: float | None
    score_max: float | None
    best_new_music_count: int
    #: The number of albums without a palette, which the filter `color` never finds.
    without_palette: int


@dataclass(frozen=True, slots=True)
class ModelStamp:
    """The model that computed the catalog's vectors, and the version of the image preprocessing."""

    model: str
    fingerprint: str
    #: Version of the image preprocessing; 1 if the catalog does not store a version.
    preprocessing: int = 1


#: How the names of an album match a query; `exact` is the best.
NameMatch: TypeAlias = Literal["exact", "prefix", "words", "similar"]


@dataclass(frozen=True, slots=True)
class NamePosition:
    """The position of an album in the order of `find_albums`; the defaults are before the first album."""

    #: How well the names match, from 0 (the query is the full name) to 6 (its words are similar).
    rank: int = 0
    #: How much the names differ from the query, by the SQL function `name_difference`; it orders albums of
    #: equal rank, and is 0 for all albums of the ranks 0 to 3.
    difference: int = -1
    #: The name by which albums of equal rank and difference are ordered.
    name: str = ""
    id: str = ""


BEFORE_FIRST = NamePosition()


@dataclass(frozen=True, slots=True)
class FoundAlbum:
    """An album, and how its names match the query."""

    album: Album
    #: None if there was no query.
    match: NameMatch | None


@dataclass(frozen=True, slots=True)
class AlbumPage:
    """One page of albums."""

    albums: tuple[FoundAlbum, ...]
    #: The position after which the next page begins; None on the last page.
    next: NamePosition | None


@dataclass(frozen=True, slots=True)
class MatchEmbeddings:
    """The embeddings of the matching albums, and the mean embedding of the catalog."""

    #: Unit vectors in the order of the albums, shape (n, 512), computed from half precision.
    albums: npt.NDArray[np.float32]
    #: The mean of a sample of the catalog's unit vectors, shape (512,).
    mean: npt.NDArray[np.float32]


class Matches(list[Match]):
    """One page of the matching albums of a search, the most similar first."""

    def __init__(
        self,
        matches: Iterable[Match] = (),
        *,
        exhausted: bool = True,
        without_palette: int | None = None,
        version: str | None = None,
        named: Iterable[Album] = (),
        embeddings: MatchEmbeddings | None = None,
        ranking: Ranking | None = None,
    ) -> None:
        super().__init__(matches)
        #: Whether no further album follows this page.
        self.exhausted = exhausted
        #: The number of albums without a palette, which a filter by colour never finds; None without this
        #: filter.
        self.without_palette = without_palette
        #: Albums whose name is the text of the search; they need not be among the matches.
        self.named = tuple(named)
        #: The catalog's version in the snapshot that was searched; None if the catalog has no version.
        self.version = version
        #: None if the embeddings were not requested, or if no album matches.
        self.embeddings = embeddings
        #: The first albums of the ranking; None if the page was read from a known ranking.
        self.ranking = ranking


class Embeddings(dict[str, npt.NDArray[np.float32]]):
    """A mapping from album ids to embeddings of shape (512,)."""

    def __init__(
        self, embeddings: Mapping[str, npt.NDArray[np.float32]], *, version: str | None = None
    ) -> None:
        super().__init__(embeddings)
        #: The catalog's version in the snapshot that was read; None if the catalog has no version.
        self.version = version


class Prints(dict[str, Print]):
    """A mapping from album ids to the prints of the albums' covers."""

    def __init__(
        self, prints: Mapping[str, Print], *, damaged: Iterable[str] = (), version: str | None = None
    ) -> None:
        super().__init__(prints)
        #: The ids of albums whose print is damaged, in ascending order; they have no print in the mapping.
        self.damaged = tuple(damaged)
        #: The catalog's version in the snapshot that was read; None if the catalog has no version.
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
        offset: int = 0,
        min_similarity: float | None = None,
        details: bool = False,
        exclude_ids: Sequence[str] = (),
        model_fingerprint: str | None = None,
        named: str | None = None,
        with_embeddings: bool = False,
        known: Ranking | None = None,
    ) -> Matches:
        """Return the k nearest albums that meet the filters, sorted by similarity and then by id.

        `embedding` is a float32 array of shape (512,). The first `offset` albums are skipped, and the ranking
        ends at `min_similarity`, which is compared with similarities that are rounded as in results. Fewer
        than k albums are returned only if fewer than k albums remain. Pages of the same query neither repeat
        nor skip an album if each call is passed the longest `Matches.ranking` of an earlier page as `known`,
        and all pages have the same `Matches.version`. With `details`, albums have their reviewer and
        metadata. If `model_fingerprint` is given, the catalog compares it with the fingerprint of its own
        model, in the same snapshot as the search. If `named` is given, the matches also tell which albums
        have this text as their name. `Matches.embeddings` is set only if `with_embeddings` is true.

        Raises:
            ModelMismatch: the catalog's vectors come from another model.
            InvalidParameter: the embedding is zero or not finite.
        """
        ...

    def similar(
        self,
        album_id: str,
        *,
        k: int,
        filters: Filters,
        offset: int = 0,
        min_similarity: float | None = None,
        details: bool = False,
        with_embeddings: bool = False,
        known: Ranking | None = None,
    ) -> Matches:
        """Return the k albums nearest to an album's embedding, without the album itself, as `search` does.

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
        """Return the embeddings of the given albums; unknown albums are left out."""
        ...

    def prints(self, album_ids: Sequence[str]) -> Prints:
        """Return the prints of the given albums, at most `PRINTS_MAX`, that have this release's version.

        Albums that are unknown, or that have no print of their present cover, are left out.

        Raises:
            InvalidParameter: too many albums are given.
        """
        ...

    def find_albums(self, query: str | None, *, limit: int, after: NamePosition = BEFORE_FIRST) -> AlbumPage:
        """Return the albums after a position whose artist or title matches, the best first.

        If `query` is None, return all albums in the order of their ids.
        """
        ...

    def genres(self) -> list[str]:
        """Return a sorted list of all genres, each in its most frequent spelling."""
        ...

    def stats(self) -> CatalogStats:
        """Return statistics; genres are sorted by album count, and an album counts in each of its genres."""
        ...

    def facet_columns(self, filters: Filters) -> FacetColumns:
        """Return the columns for counting the albums that meet the filters."""
        ...

    def genre_names(self) -> GenreNames:
        """Return the most frequent spelling of each genre by its key."""
        ...

    def model_stamp(self) -> ModelStamp | None:
        """Return the model that computed the vectors, or None if the catalog does not store it."""
        ...

    def version(self) -> str | None:
        """Return a token that changes whenever the catalog changes, or None if changes are not tracked."""
        ...

    def warnings(self) -> list[CatalogMisconfigured]:
        """Return the configuration faults that do not make search results wrong."""
        ...

    def check(self) -> None:
        """Raise an error if the key is wrong, or if a function, the table or the extension is missing."""
        ...

    def close(self) -> None:
        """Release the connections."""
        ...
