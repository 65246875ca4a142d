"""Measure a catalog's first load, by binary COPY (PostgreSQL's fastest method) and by an ingest's upserts."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np
import psycopg
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.types import TypeInfo
from psycopg.types.json import Jsonb

from benchmarks.recall.albums import Albums
from benchmarks.recall.server_usage import Usage
from catalog.database.vector_index import IndexBuild, build_index, drop_index_if_empty
from catalog.ingest.table_ingest import BATCH
from catalog.writer.album_row import AlbumRow, palette_columns
from catalog.writer.postgres import PostgresWriter
from common.catalog.protocol import EMBEDDING_DIMENSION

COLUMNS = (
    "id, embedding, artist, album_name, genres, release_year, pitchfork_score, best_new_music, metadata, "
    "palette, palette_version, colour_cells, main_colour"
)
TYPES = (
    *("text", "vector", "text", "text", "text[]", "int4", "numeric", "bool", "jsonb"),
    *("int2[]", "int2", "int2[]", "text"),
)
#: The head of a vector in pgvector's binary format: dimension and a reserved word; the numbers follow.
_VECTOR_HEAD = EMBEDDING_DIMENSION.to_bytes(2, "big") + b"\0\0"
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Load:
    """The time, memory and size of a first load and its index build."""

    copy_s: float
    copying: Usage
    table_bytes: int
    index: IndexBuild
    indexing: Usage


class _VectorDumper(Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        return b"".join((_VECTOR_HEAD, obj.tobytes()))


def load(connection: psycopg.Connection, albums: Albums, *, server_pid: int) -> Load:
    """Fill an empty catalog by COPY and build the index; the connection must be in autocommit mode."""
    if not drop_index_if_empty(connection):
        raise ValueError("a first load needs an empty catalog")
    with Usage(server_pid) as copying:
        began = time.monotonic()
        copy_albums(connection, albums)
        copy_s = time.monotonic() - began
    with Usage(server_pid) as indexing:
        index = build_index(connection)
    assert index is not None
    connection.execute("VACUUM (ANALYZE) album_covers")
    size = connection.execute("SELECT pg_relation_size('album_covers')").fetchone()
    assert size is not None
    return Load(copy_s, copying, int(size[0]), index, indexing)


def upsert_s(url: str, albums: Albums) -> float:
    """Return the seconds that the upserts of an ingest take in an empty catalog without an index."""
    with psycopg.connect(url) as connection:
        if not drop_index_if_empty(connection):
            raise ValueError("a first load needs an empty catalog")
    rows = album_rows(albums)
    with closing(PostgresWriter(url)) as writer:
        began = time.monotonic()
        while batch := list(islice(rows, BATCH)):
            writer.upsert(batch)
        return time.monotonic() - began


def album_rows(albums: Albums) -> Iterator[AlbumRow]:
    """Yield the albums as the rows that an ingest writes."""
    for index, vector in enumerate(albums.vectors):
        yield AlbumRow(
            id=albums.id(index),
            embedding=vector,
            artist=albums.artist(index),
            album_name=f"Album {index}",
            genres=albums.all_genres(index),
            release_year=int(albums.years[index]),
            pitchfork_score=int(albums.score_tenths[index]) / 10,
            best_new_music=bool(albums.best_new_music[index]),
            metadata=albums.metadata(index),
            **palette_columns(albums.palette(index)),
        )


def copy_albums(connection: psycopg.Connection, albums: Albums) -> None:
    """Write all albums in one COPY statement."""
    _adapt_vectors(connection)
    statement = f"COPY album_covers ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.set_types(TYPES)
        for row in _rows(albums):
            copy.write_row(row)


def _rows(albums: Albums) -> Iterator[tuple[object, ...]]:
    for start in range(0, len(albums), _CHUNK):
        # Convert a thousand vectors at a time to big-endian, the byte order of the binary format.
        vectors = albums.vectors[start : start + _CHUNK].astype(">f4")
        for index, vector in enumerate(vectors, start):
            yield (
                albums.id(index),
                vector,
                albums.artist(index),
                f"Album {index}",
                albums.all_genres(index),
                int(albums.years[index]),
                Decimal(int(albums.score_tenths[index])) / 10,
                bool(albums.best_new_music[index]),
                Jsonb(albums.metadata(index)),
                *palette_columns(albums.palette(index)).values(),
            )


def _adapt_vectors(connection: psycopg.Connection) -> None:
    info = TypeInfo.fetch(connection, "vector")
    if info is None:
        raise ValueError("the database has no pgvector")
    info.register(connection)
    connection.adapters.register_dumper(np.ndarray, type("VectorDumper", (_VectorDumper,), {"oid": info.oid}))
