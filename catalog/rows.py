"""One album as it goes into the catalog, and the writing of many."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import orjson
import psycopg
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class AlbumRow:
    """One row of `album_covers`; the embedding has shape (512,), float32, unit length."""

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
    metadata: dict[str, object] = field(default_factory=dict)


_UPSERT = """
INSERT INTO album_covers (id, embedding, artist, album_name, genre, release_year, pitchfork_score,
                          best_new_music, cover_url, reviewer, metadata)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
  embedding = excluded.embedding, artist = excluded.artist, album_name = excluded.album_name,
  genre = excluded.genre, release_year = excluded.release_year,
  pitchfork_score = excluded.pitchfork_score, best_new_music = excluded.best_new_music,
  cover_url = excluded.cover_url, reviewer = excluded.reviewer, metadata = excluded.metadata
"""


def upsert_albums(connection: psycopg.Connection, rows: Iterable[AlbumRow]) -> None:
    """Insert the rows, or replace those whose id is known, in one pipelined batch."""
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT, [_values(row) for row in rows])


def vector_literal(embedding: npt.NDArray[np.float32]) -> str:
    """Return an embedding as pgvector reads it: `[0.1,…]`, shape (512,)."""
    return orjson.dumps(np.ascontiguousarray(embedding), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _values(row: AlbumRow) -> tuple[object, ...]:
    return (
        row.id,
        vector_literal(row.embedding),
        row.artist,
        row.album_name,
        row.genre,
        row.release_year,
        row.pitchfork_score,
        row.best_new_music,
        row.cover_url,
        row.reviewer,
        Jsonb(row.metadata),
    )
