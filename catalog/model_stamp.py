"""The stamp of the catalog: which model made its vectors, and from pixels of which preprocessing."""

import psycopg

from common.catalog.protocol import ModelStamp
from common.errors import CatalogMisconfigured


def read_stamp(connection: psycopg.Connection) -> ModelStamp | None:
    """Return the stamp, None for a catalog that has none."""
    row = connection.execute(
        "SELECT model, fingerprint, preprocessing FROM catalog_model WHERE model IS NOT NULL"
    ).fetchone()
    return None if row is None else ModelStamp(*row)


def write_stamp(connection: psycopg.Connection, stamp: ModelStamp) -> None:
    """Say which model made the vectors, inside the caller's transaction."""
    connection.execute(
        "SELECT stamp_catalog(%s, %s, %s)", (stamp.model, stamp.fingerprint, stamp.preprocessing)
    )


def require_stamps(connection: psycopg.Connection) -> None:
    """See that the database has a place for all of a stamp.

    Raises:
        CatalogMisconfigured: it was not migrated.
    """
    row = connection.execute("SELECT to_regprocedure('stamp_catalog(text, text, integer)')").fetchone()
    if row is None or row[0] is None:
        raise CatalogMisconfigured(
            "the schema is of an earlier release: apply it with python -m catalog migrate",
            problem="rpc_missing",
        )
