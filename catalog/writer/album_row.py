"""One row of the table `album_covers`, and a function that inserts many rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import psycopg
from psycopg.types.json import Jsonb

from common.colours.cells import cells_of
from common.colours.names import main_colour
from common.colours.palette import Palette


@dataclass(frozen=True, slots=True)
class AlbumRow:
    """One row of `album_covers`; the embedding has shape (512,), float32, unit length.

    `genre` is the first element of `genres`; if one of the two fields is not given, it is derived from the
    other.
    """

    id: str
    embedding: npt.NDArray[np.float32]
    artist: str
    album_name: str
    genre: str | None = None
    release_year: int | None = None
    pitchfork_score: float | None = None
    best_new_music: bool = False
    cover_url: str | None = None
    reviewer: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    genres: Sequence[str] = ()
    #: The SHA-256 of the table row and its cover; None if the album was not ingested.
    content_hash: str | None = None
    #: The SHA-256 of the cover; None if the album was not ingested, or was ingested by a release without this
    #: hash.
    cover_hash: str | None = None
    #: The URL from which the cover was read, or its file name in the folder of covers.
    cover_source: str | None = None
    #: The ETag and Last-Modified headers that the host sent with the cover; None for a header that was not
    #: sent.
    cover_etag: str | None = None
    cover_last_modified: str | None = None
    #: The columns of the cover's palette, which `palette_columns` returns; None if the album has no palette.
    palette: Sequence[Sequence[int]] | None = None
    palette_version: int | None = None
    colour_cells: Sequence[int] | None = None
    main_colour: str | None = None

    def __post_init__(self) -> None:
        """Derive `genre` and `genres` from each other."""
        genres = [*self.genres] or [name for name in (self.genre,) if name]
        object.__setattr__(self, "genres", genres)
        object.__setattr__(self, "genre", next(iter(genres), None))


def palette_columns(palette: Palette | None) -> dict[str, Any]:
    """Return the columns of `album_covers` that store a palette and the values derived from it."""
    if palette is None:
        return dict.fromkeys(("palette", "palette_version", "colour_cells", "main_colour"))
    return {
        "palette": [list(colour) for colour in palette.colours],
        "palette_version": palette.version,
        "colour_cells": cells_of(palette),
        "main_colour": main_colour(palette),
    }


COLUMNS = tuple(column.name for column in fields(AlbumRow))

_UPSERT = (
    f"INSERT INTO album_covers ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))}) "  # noqa: S608
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS[1:])}"
)


def upsert_albums(connection: psycopg.Connection[Any], rows: Iterable[AlbumRow]) -> None:
    """Insert the rows, or replace existing rows with the same ids, in one pipelined batch."""
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT, [_values(row) for row in rows])


def row_fields(row: AlbumRow) -> dict[str, Any]:
    """Return all columns of a row except the embedding."""
    return {name: getattr(row, name) for name in COLUMNS if name != "embedding"}


def vector_literal(embedding: npt.NDArray[np.float32]) -> str:
    """Return an embedding, shape (512,), in pgvector's text format, such as `[0.1,…]`."""
    return orjson.dumps(np.ascontiguousarray(embedding), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _values(row: AlbumRow) -> tuple[object, ...]:
    record = row_fields(row) | {"embedding": vector_literal(row.embedding), "metadata": Jsonb(row.metadata)}
    return tuple(record[name] for name in COLUMNS)
