"""A synthetic catalog with known search results: clustered, distant and equal vectors, and unusual rows."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from benchmarks.recall.synthetic_embeddings import Cones, Vectors, unit
from catalog.writer.album_row import palette_columns
from common.catalog.row_mapping import vector_literal
from common.colours.palette import Palette
from common.filters import Filters
from common.genres import genre_key

COMMON = [("Rock", 0.30), ("Electronic", 0.25), ("Pop/R&B", 0.20), ("Jazz", 0.14), ("Rap", 0.10)]
RARE, RARE_COUNT = "Spoken", 15
FAR, FAR_COUNT = "Far", 300
#: A genre that would break an unescaped query or array literal.
ODD = """R"n,B {é} \\ 'x' %s"""
#: Two spellings of the second genre of some albums; the first spelling is more frequent.
SECOND = ("Live Recording", "LIVE  recording")
#: Palettes of covers, and a colour that a fifth of the red covers is near, as `#rrggbb`.
RED = Palette(((960, 0, 10, 700), (570, 201, 96, 300)))
BLUE = Palette(((520, -21, -200, 900), (570, 201, 96, 100)))
RED_COLOR = "#d7262d"
TIES = ["tie-a", "tie-B", "tie-ä", "tie-1"]
#: The artist of a ninth of the ordinary albums.
VARIOUS = "Various Artists"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of `album_covers`, as a test writes it."""

    id: str
    embedding: Vectors | None
    artist: str | None = "An Artist"
    album_name: str | None = "An Album"
    genre: str | None = None
    #: The album's genres without the first genre.
    other_genres: tuple[str, ...] = ()
    release_year: int | None = None
    pitchfork_score: Decimal | None = None
    best_new_music: bool | None = None
    cover_url: str | None = None
    reviewer: str | None = None
    metadata: dict[str, object] = field(default_factory=dict)


class KnownAlbums:
    """Rows and queries generated from one seed; embeddings of covers and of texts lie in two cones."""

    def __init__(self, size: int, *, seed: int = 11) -> None:
        self._random = np.random.default_rng(seed)
        self._cones = Cones(self._random)
        self.rows = [*self._ordinary(size), *self._rare(), *self._far(), *self._ties(), *_odd_rows(self)]
        self.by_id = {row.id: row for row in self.rows}
        self._embedded = sorted((r for r in self.rows if r.embedding is not None), key=lambda r: r.id)
        vectors = np.stack([r.embedding for r in self._embedded if r.embedding is not None])
        self._matrix = unit(vectors.astype(np.float64), np.float64)

    def covers(self, count: int) -> Vectors:
        """Return embeddings of new covers similar to the catalog's, shape (count, 512)."""
        return self._cones.covers(count)

    def texts(self, count: int) -> Vectors:
        """Return embeddings of texts, which are far from all covers, shape (count, 512)."""
        return self._cones.texts(count)

    def nearest(self, query: Vectors, k: int, *, passing: Callable[[Row], bool]) -> list[str]:
        """Return the ids of the k nearest rows that pass the filter, by an exact scan in double precision."""
        return [row_id for row_id, _ in self.ranking(query, passing=passing)[:k]]

    def ranking(self, query: Vectors, *, passing: Callable[[Row], bool]) -> list[tuple[str, float]]:
        """Return all rows that pass the filter, nearest first, as ids and cosines in double precision."""
        kept = np.array([passing(row) for row in self._embedded])
        cosines = self._matrix @ (query.astype(np.float64) / np.linalg.norm(query))
        # Rows are ordered by id, so that a stable sort breaks ties by id.
        order = np.argsort(-np.round(cosines[kept], 9), kind="stable")
        return [(self._embedded[i].id, float(cosines[i])) for i in np.flatnonzero(kept)[order]]

    def _ordinary(self, size: int) -> list[Row]:
        names, shares = zip(*COMMON, strict=True)
        weights = np.array(shares) / sum(shares)
        genres = self._random.choice(len(names), size, p=weights)
        return [
            Row(
                id=f"album-{i}",
                embedding=vector,
                artist=VARIOUS if i % 9 == 0 else f"Artist {i}",
                album_name=f"Album {i}",
                genre=names[genres[i]],
                other_genres=(SECOND[i % 45 == 0],) if i % 15 == 0 else (),
                release_year=1967 + i * 31 % 58,
                pitchfork_score=Decimal(i * 7 % 101) / 10,
                best_new_music=i % 12 == 0,
                cover_url=f"https://covers.example.org/{i}.jpg",
                reviewer=f"Reviewer {i % 10}",
                metadata={
                    "label": f"Label {i % 7}",
                    "discs": 1 + i % 4,
                    "live": i % 5 == 0,
                    "tags": [f"tag {i % 3}", "vinyl"],
                },
            )
            for i, vector in enumerate(self.covers(size))
        ]

    def _rare(self) -> list[Row]:
        return [
            Row(id=f"rare-{i}", embedding=vector, genre=RARE, release_year=1980)
            for i, vector in enumerate(self.covers(RARE_COUNT))
        ]

    def _far(self) -> list[Row]:
        # The genre "Far" has the albums that are farthest from every query, which an index search visits
        # last.
        return [
            Row(id=f"far-{i}", embedding=vector, genre=FAR, release_year=1975)
            for i, vector in enumerate(self._cones.behind(FAR_COUNT))
        ]

    def _ties(self) -> list[Row]:
        (vector,) = self.covers(1)
        return [Row(id=name, embedding=vector, genre="Ties") for name in TIES]


def passes(filters: Filters) -> Callable[[Row], bool]:
    """Apply the filters in Python, independently of SQL."""

    genres = {genre_key(name) for name in filters.genres}

    def check(row: Row) -> bool:
        year, score = row.release_year, row.pitchfork_score
        return (
            (not genres or any(genre_key(name or "") in genres for name in (row.genre, *row.other_genres)))
            and (filters.year_min is None or (year is not None and year >= filters.year_min))
            and (filters.year_max is None or (year is not None and year <= filters.year_max))
            and (
                filters.min_score is None or (score is not None and score >= Decimal(str(filters.min_score)))
            )
            and (not filters.best_new_music or row.best_new_music is True)
            and (not filters.artists or (row.artist or "").lower() in {a.lower() for a in filters.artists})
            and all(_has_value(row.metadata.get(key), text) for key, text in filters.metadata)
            and (filters.color is None or palette_of(row) == RED)
        )

    return check


def _has_value(value: object, text: str) -> bool:
    match value:
        case list():
            return any(_has_value(element, text) for element in value)
        case bool():
            return text == str(value).lower()
        case int() | float():
            return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None and Decimal(text) == Decimal(str(value))
        case _:
            return value == text


def write(connection: psycopg.Connection, rows: list[Row]) -> None:
    """Copy the rows into `album_covers`."""
    columns = (
        "id, embedding, artist, album_name, genre, release_year, pitchfork_score, best_new_music, cover_url, "
        "reviewer, metadata"
    )
    # If no album has several genres, write like a client that knows only one genre per album.
    several = any(row.other_genres for row in rows)
    statement = f"COPY album_covers ({columns}{', genres' if several else ''}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in rows:
            genres = [row.genre, *row.other_genres] if row.other_genres else None
            copy.write_row(
                (
                    row.id,
                    None if row.embedding is None else vector_literal(row.embedding),
                    row.artist,
                    row.album_name,
                    row.genre,
                    row.release_year,
                    row.pitchfork_score,
                    row.best_new_music,
                    row.cover_url,
                    row.reviewer,
                    Jsonb(row.metadata),
                    *([genres] if several else []),
                )
            )


def _odd_rows(known_albums: KnownAlbums) -> list[Row]:
    unicode, quoted, bare, double = known_albums.covers(4)
    return [
        Row(
            id="ágætis/1?&=#%20",
            embedding=unicode,
            artist="Sigur Rós \N{MUSICAL SYMBOL G CLEF}",
            album_name="Ágætis byrjun — 椎名林檎",
            genre="Íslenskt",
            release_year=1999,
            pitchfork_score=Decimal("9.4"),
            best_new_music=True,
            cover_url="https://covers.example.org/á.jpg",
        ),
        Row(
            id='q"uo,te{d}\\',
            embedding=quoted,
            artist='"x"; DROP TABLE album_covers; --',
            genre=ODD,
            metadata={ODD: ODD},
        ),
        Row(id="bare", embedding=bare, artist=None, album_name=None),
        Row(id="long", embedding=double * np.float32(3), genre="Long"),
        Row(id="unembedded", embedding=None, genre="Rock", release_year=1990),
    ]


def palette_of(row: Row) -> Palette | None:
    """Return the palette of a row's cover: a tenth of the covers is half red, most others are blue."""
    match row.id.removeprefix("album-")[-1:]:
        case "0":
            return RED
        case "1":
            return None
        case _:
            return BLUE


def paint(connection: psycopg.Connection, palettes: Mapping[str, Palette]) -> None:
    """Write the palettes of albums."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE album_covers SET palette = %(palette)s, palette_version = %(palette_version)s, "
            "colour_cells = %(colour_cells)s, main_colour = %(main_colour)s WHERE id = %(id)s",
            [palette_columns(palette) | {"id": album_id} for album_id, palette in palettes.items()],
        )
