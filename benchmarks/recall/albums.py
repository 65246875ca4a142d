"""A synthetic catalog of any size as columns of values, and the exact results of its searches."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from benchmarks.recall.synthetic_embeddings import Cones, Vectors
from common.colours.cells import cell_of, cells_of
from common.colours.oklab import oklab, rgb_from_hex
from common.colours.palette import UNIT, Palette
from common.filters import Filters

Mask = npt.NDArray[np.bool_]

#: Pairs of a genre and the share of albums that have this genre first; genres are independent of vectors.
GENRES = (
    ("Rock", 0.30),
    ("Electronic", 0.245),
    ("Pop/R&B", 0.20),
    ("Jazz", 0.14),
    ("Rap", 0.11),
    ("Spoken", 0.005),
)
#: The second genre of some albums, in two spellings; no album has this genre first.
SECOND_GENRE, SECOND_SHARE = ("Live", "LIVE"), 0.05
#: The artist of a twelfth of the albums; each of the other artists has few.
FREQUENT_ARTIST, FREQUENT_SHARE, OTHER_ARTISTS = "Various Artists", 1 / 12, 5000
#: The values under the keys `format` and `label` of the metadata, independent of the vectors.
FORMATS = (("LP", 0.70), ("EP", 0.25), ("Single", 0.05))
LABELS = 200
#: The main colours of the covers, each with its share of the albums; the other albums have no palette.
COLOURS = (("#d7262d", 0.07), ("#2a5fd8", 0.40), ("#101012", 0.30), ("#f7d32e", 0.18))
FIRST_YEAR, YEARS = 1967, 58
#: The share of albums with `best_new_music`; these are the albums that are farthest from all texts. A filter
#: for the farthest albums is the worst case, because an index search visits these albums last.
FAR_SHARE = 0.2

#: Maps the name of each case in the results to the filters of the case.
FILTERS: Mapping[str, Filters] = MappingProxyType(
    {
        "no_filter": Filters(),
        "genre_30_percent": Filters(genres=("Rock",)),
        "genre_half_percent": Filters(genres=("Spoken",)),
        "second_genre_5_percent": Filters(genres=(SECOND_GENRE[0],)),
        "two_genres_and_years": Filters(genres=("Rock", "Jazz"), year_min=1980, year_max=2005),
        "farthest_20_percent": Filters(best_new_music=True),
        "artist_8_percent": Filters(artists=(FREQUENT_ARTIST.upper(),)),
        "format_25_percent": Filters(metadata=(("format", "EP"),)),
        "label_half_percent": Filters(metadata=(("label", "Label 7"),)),
        "colour_7_percent": Filters(color=COLOURS[0][0]),
    }
)
#: The number of candidates, in addition to k, whose cosines are computed again in double precision.
_MARGIN = 50


class Albums:
    """The column values of `count` albums, and queries for these albums, generated from one seed."""

    def __init__(self, count: int, *, seed: int = 11) -> None:
        random = np.random.default_rng(seed)
        self._cones = Cones(random)
        self.vectors = self._cones.covers(count)
        names, shares = zip(*GENRES, strict=True)
        self.genres = np.array(names)[random.choice(len(names), count, p=shares)]
        self.years = FIRST_YEAR + random.integers(0, YEARS, count)
        self.score_tenths = random.integers(0, 101, count)
        nearness = self._cones.towards_texts(self.vectors)
        self.best_new_music = nearness < np.quantile(nearness, FAR_SHARE)
        # The second genre and the columns below it have their own random generators, so that the values of
        # all other columns stay the same.
        self.has_second_genre = np.random.default_rng(seed).random(count) < SECOND_SHARE
        later = np.random.default_rng(seed + 1)
        self._has_frequent_artist = later.random(count) < FREQUENT_SHARE
        formats, format_shares = map(np.array, zip(*FORMATS, strict=True))
        self._formats = formats[later.choice(len(formats), count, p=format_shares)]
        self._labels = later.integers(0, LABELS, count)

        limits = np.cumsum([share for _, share in COLOURS])
        self._colours = np.searchsorted(limits, np.random.default_rng(seed + 2).random(count), side="right")
        self._palettes = [*(_palette(colour) for colour, _ in COLOURS), None]

    def __len__(self) -> int:
        return len(self.vectors)

    def queries(self, count: int) -> Mapping[str, Vectors]:
        """Return queries of each kind, shape (count, 512); each call returns different queries."""
        return {"image": self._cones.covers(count), "text": self._cones.texts(count)}

    def id(self, index: int) -> str:
        return f"album-{index:06}"

    def all_genres(self, index: int) -> list[str]:
        """Return the genres of an album, in the order that the catalog stores."""
        second = SECOND_GENRE[index % len(SECOND_GENRE)]
        return [str(self.genres[index]), *([second] if self.has_second_genre[index] else [])]

    def artist(self, index: int) -> str:
        return FREQUENT_ARTIST if self._has_frequent_artist[index] else f"Artist {index % OTHER_ARTISTS}"

    def metadata(self, index: int) -> dict[str, str]:
        return {"format": str(self._formats[index]), "label": f"Label {self._labels[index]}"}

    def palette(self, index: int) -> Palette | None:
        return self._palettes[int(self._colours[index])]

    def passing(self, filters: Filters) -> Mask:
        """Return whether each album passes the filters, shape (albums,)."""
        mask = np.ones(len(self), dtype=np.bool_)
        if filters.artists:
            wanted = {name.lower() for name in filters.artists}
            mask &= np.array([self.artist(index).lower() in wanted for index in range(len(self))])
        for key, value in filters.metadata:
            mask &= np.array([self.metadata(index)[key] == value for index in range(len(self))])
        if filters.genres:
            mask &= np.isin(self.genres, filters.genres) | (
                self.has_second_genre & bool({*SECOND_GENRE} & {*filters.genres})
            )
        if filters.year_min is not None:
            mask &= self.years >= filters.year_min
        if filters.year_max is not None:
            mask &= self.years <= filters.year_max
        mask &= self.score_tenths >= round((filters.min_score or 0) * 10)
        if filters.best_new_music:
            mask &= self.best_new_music
        if filters.color is not None:
            mask &= self._is_near(filters.color)
        return mask

    def _is_near(self, colour: str) -> Mask:
        """Return whether at least a fifth of each cover is near a colour."""
        cell = cell_of(colour)
        found = [palette is not None and cell in cells_of(palette) for palette in self._palettes]
        mask: Mask = np.array(found)[self._colours]
        return mask

    def nearest(self, queries: Vectors, *, k: int, passing: Mask) -> list[list[str]]:
        """Return the ids of each query's k nearest passing albums, by an exact scan in double precision."""
        kept = np.flatnonzero(passing)
        cosines = queries @ self.vectors[kept].T
        margin = min(k + _MARGIN, len(kept)) - 1
        rough = kept[np.argpartition(-cosines, margin, axis=1)[:, : margin + 1]]
        answers = []
        for query, candidates in zip(queries, rough, strict=True):
            precise = _cosines(self.vectors[candidates], query)
            answers.append([self.id(index) for index in candidates[np.argsort(-precise)][:k]])
        return answers


def _cosines(vectors: Vectors, query: Vectors) -> npt.NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    cosines: npt.NDArray[np.float64] = (wide @ query.astype(np.float64)) / np.linalg.norm(wide, axis=1)
    return cosines


def _palette(colour: str) -> Palette:
    """Return the palette of a cover that is mostly of one colour, and partly white."""
    light, a, b = np.rint(oklab(np.array(rgb_from_hex(colour))) / UNIT).astype(int).tolist()
    return Palette(((light, a, b, 700), (1000, 0, 0, 300)))
