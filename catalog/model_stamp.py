"""The stamp of the catalog: which model made its vectors, and from pixels of which preprocessing."""

import psycopg

from catalog.writer.protocol import CatalogWriter
from common.catalog.protocol import ModelStamp
from common.errors import CatalogMisconfigured, ModelMismatch


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


def claim_catalog(writer: CatalogWriter, stamp: ModelStamp) -> bool:
    """Stamp a catalog without vectors; return whether it now says which model made its vectors.

    Raises:
        ModelMismatch: its vectors come from another model.
    """
    standing = writer.model_stamp()
    if standing is not None and standing.fingerprint == stamp.fingerprint:
        return True
    if not writer.embedding_counts().any:
        # Before the first vector, so that an ingest that is killed leaves a stamped catalog.
        writer.write_stamp(stamp)
        return True
    if standing is None:
        return False
    raise ModelMismatch(
        f"the catalog's vectors come from {standing.model} ({standing.fingerprint[:12]}) and this model is "
        f"{stamp.model} ({stamp.fingerprint[:12]}): set CLIP_MODEL to the former, or move the catalog with "
        "python -m catalog reembed"
    )
