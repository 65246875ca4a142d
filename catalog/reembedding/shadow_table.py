"""The shadow table `album_covers_next`: a copy of the live table with the new model's embeddings.

While the shadow table exists, a trigger deletes from it every row that changes in the live table, so that no
row of the copy is ever outdated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql

from catalog.database.vector_index import TABLE
from catalog.reembedding.dependent_objects import require_no_dependent_objects
from catalog.writer.album_row import palette_columns, vector_literal
from common.catalog.protocol import ModelStamp
from common.colours.palette import Palette
from common.errors import CatalogError

NEXT = "album_covers_next"

_PREPARE = f"""
CREATE TABLE catalog_reembedding (
  model text NOT NULL, fingerprint text NOT NULL, preprocessing integer NOT NULL
);
ALTER TABLE catalog_reembedding ENABLE ROW LEVEL SECURITY;
CREATE TABLE {NEXT} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED
                     INCLUDING STORAGE INCLUDING COMMENTS);
ALTER TABLE {NEXT} SET (toast_tuple_target = 8160);
ALTER TABLE {NEXT} ADD CONSTRAINT {NEXT}_pkey PRIMARY KEY (id);
ALTER TABLE {NEXT} ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION forget_next() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, extensions, pg_temp AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    TRUNCATE {NEXT};
  ELSE
    DELETE FROM {NEXT} WHERE id = OLD.id;
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION forget_next() FROM PUBLIC;
CREATE TRIGGER album_covers_forget_next AFTER UPDATE OR DELETE ON {TABLE}
  FOR EACH ROW EXECUTE FUNCTION forget_next();
CREATE TRIGGER album_covers_forget_all_next AFTER TRUNCATE ON {TABLE}
  FOR EACH STATEMENT EXECUTE FUNCTION forget_next();
"""  # noqa: S608 - names of this file
_ABANDON = f"""
DROP TRIGGER IF EXISTS album_covers_forget_next ON {TABLE};
DROP TRIGGER IF EXISTS album_covers_forget_all_next ON {TABLE};
DROP FUNCTION IF EXISTS forget_next();
DROP TABLE IF EXISTS {NEXT};
DROP TABLE IF EXISTS catalog_reembedding;
"""
_MISSING = f"""
SELECT a.id, a.cover_source, a.cover_url, a.xmin::text FROM {TABLE} a
WHERE a.id > %s AND NOT EXISTS (SELECT FROM {NEXT} n WHERE n.id = a.id) ORDER BY a.id LIMIT %s
"""  # noqa: S608 - names of this file
#: FOR SHARE waits for a transaction that is changing the row. A row that was changed has another xmin than
#: expected and is not copied.
_COPY = f"""
INSERT INTO {NEXT} ({{columns}}, embedding, palette, palette_version, colour_cells, main_colour)
SELECT {{columns}}, %(embedding)s::vector(512), coalesce(%(palette)s::smallint[], palette),
       coalesce(%(palette_version)s::smallint, palette_version),
       coalesce(%(colour_cells)s::smallint[], colour_cells), coalesce(%(main_colour)s, main_colour)
FROM {TABLE} WHERE id = %(id)s AND xmin::text = %(version)s FOR SHARE
ON CONFLICT (id) DO NOTHING
"""  # noqa: S608 - names of this file


@dataclass(frozen=True, slots=True)
class LiveAlbum:
    """An album of the live table that the copy lacks; `version` changes whenever the album's row changes."""

    id: str
    cover_source: str | None
    cover_url: str | None
    version: str


@dataclass(frozen=True, slots=True)
class NewVersion:
    """An album with the embedding and the palette that its copy gets."""

    album: LiveAlbum
    #: None if the album's cover is missing.
    embedding: npt.NDArray[np.float32] | None = None
    #: None if the copy keeps the palette of the live table.
    palette: Palette | None = None


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """Row counts of the live table and of the copy."""

    albums: int
    copied: int
    embedded: int
    not_unit_length: int


def prepare(connection: psycopg.Connection, stamp: ModelStamp) -> None:
    """Create the copy, or keep the copy that an earlier call for the same model began.

    Raises:
        CatalogError: a swap would lose objects that depend on the live table.
    """
    with connection.transaction():
        require_no_dependent_objects(connection)
        if _begun(connection) != (stamp.fingerprint, stamp.preprocessing):
            connection.execute(_ABANDON.encode())
            connection.execute(_PREPARE.encode())
            connection.execute(
                "INSERT INTO catalog_reembedding VALUES (%s, %s, %s)",
                [stamp.model, stamp.fingerprint, stamp.preprocessing],
            )
        # Delete the copies of albums that had no cover in an earlier call, because they may have a cover now.
        connection.execute(f"DELETE FROM {NEXT} WHERE embedding IS NULL")  # noqa: S608


def abandon(connection: psycopg.Connection) -> None:
    """Delete the copy; the live table is not changed."""
    with connection.transaction():
        connection.execute(_ABANDON.encode())


def missing(connection: psycopg.Connection, *, after_id: str, size: int) -> list[LiveAlbum]:
    """Return the next albums after an id that are in the live table but not in the copy."""
    return [LiveAlbum(*row) for row in connection.execute(_MISSING, [after_id, size])]


def copy(connection: psycopg.Connection, albums: Sequence[NewVersion]) -> None:
    """Copy albums with new embeddings, except albums whose row has changed since it was read."""
    columns = sql.SQL(", ").join(map(sql.Identifier, _columns(connection)))
    statement = sql.SQL(_COPY).format(columns=columns)
    values = [
        {
            "embedding": None if new.embedding is None else vector_literal(new.embedding),
            "id": new.album.id,
            "version": new.album.version,
            **palette_columns(new.palette),
        }
        for new in albums
    ]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(statement, values)


def copy_progress(connection: psycopg.Connection) -> CopyProgress:
    """Count the rows of the live table and of the copy."""
    row = connection.execute(
        f"SELECT (SELECT count(*) FROM {TABLE}), count(*), count(embedding), "  # noqa: S608
        f"count(*) FILTER (WHERE abs(vector_norm(embedding) - 1) > 0.001) FROM {NEXT}"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return CopyProgress(*row)


def verify_copy(connection: psycopg.Connection) -> None:
    """Check that the embeddings of the copy are valid, so that the copy can replace the live table.

    Raises:
        CatalogError: an embedding is not of unit length, or the copy has no embedding.
    """
    found = copy_progress(connection)
    if found.not_unit_length:
        raise CatalogError(f"{found.not_unit_length} of the new embeddings are not of unit length")
    if found.albums and not found.embedded:
        raise CatalogError("none of the albums has a new embedding")


def _begun(connection: psycopg.Connection) -> tuple[str, int] | None:
    """Return the model fingerprint and preprocessing version of the existing copy, None if there is none."""
    row = connection.execute("SELECT to_regclass('catalog_reembedding')").fetchone()
    if row is None or row[0] is None:
        return None
    # Read the row as JSON, because a table created by an earlier release has no column `preprocessing`.
    row = connection.execute("SELECT to_jsonb(begun) FROM catalog_reembedding begun").fetchone()
    return None if row is None else (row[0]["fingerprint"], row[0].get("preprocessing", 1))


def _columns(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' AND attname <> ALL (%s)",
        [TABLE, ["embedding", *palette_columns(None)]],
    )
    return [str(row[0]) for row in rows]
