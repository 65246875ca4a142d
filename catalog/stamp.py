"""The stamp of the catalog: which model made its vectors."""

import psycopg

from common.catalog.protocol import ModelStamp


def read_stamp(connection: psycopg.Connection) -> ModelStamp | None:
    """Return the stamp, None for a catalog that has none."""
    row = connection.execute(
        "SELECT model, fingerprint FROM catalog_model WHERE model IS NOT NULL"
    ).fetchone()
    return None if row is None else ModelStamp(model=row[0], fingerprint=row[1])


def write_stamp(connection: psycopg.Connection, *, model: str, fingerprint: str) -> None:
    """Say which model made the vectors, inside the caller's transaction."""
    connection.execute("SELECT stamp_catalog(%s, %s)", (model, fingerprint))
