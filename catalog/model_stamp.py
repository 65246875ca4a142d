"""The catalog's model stamp names the model and the preprocessing version that made the embeddings."""

import psycopg

from catalog.writer.protocol import CatalogWriter
from common.catalog.protocol import ModelStamp
from common.errors import CatalogMisconfigured, ModelMismatch


def read_stamp(connection: psycopg.Connection) -> ModelStamp | None:
    """Return the catalog's model stamp, or None if the catalog has no stamp."""
    row = connection.execute(
        "SELECT model, fingerprint, preprocessing FROM catalog_model WHERE model IS NOT NULL"
    ).fetchone()
    return None if row is None else ModelStamp(*row)


def write_stamp(connection: psycopg.Connection, stamp: ModelStamp) -> None:
    """Write the catalog's model stamp inside the caller's transaction."""
    connection.execute(
        "SELECT stamp_catalog(%s, %s, %s)", (stamp.model, stamp.fingerprint, stamp.preprocessing)
    )


def require_stamps(connection: psycopg.Connection) -> None:
    """Check that the schema can store a model stamp with a preprocessing version.

    Raises:
        CatalogMisconfigured: the database needs `python -m catalog migrate`.
    """
    row = connection.execute("SELECT to_regprocedure('stamp_catalog(text, text, integer)')").fetchone()
    if row is None or row[0] is None:
        raise CatalogMisconfigured(
            "the schema is of an earlier release: apply it with python -m catalog migrate",
            problem="rpc_missing",
        )


def claim_catalog(writer: CatalogWriter, stamp: ModelStamp) -> bool:
    """Stamp a catalog that has no embeddings; return False if it has embeddings but no stamp.

    Raises:
        ModelMismatch: the catalog's embeddings come from another model.
    """
    current = writer.model_stamp()
    if current is not None and current.fingerprint == stamp.fingerprint:
        return True
    if not writer.embedding_counts().any:
        # Write the stamp before the first embedding, so that the catalog has a stamp even if the ingest is
        # killed.
        writer.write_stamp(stamp)
        return True
    if current is None:
        return False
    raise ModelMismatch(
        f"the catalog's vectors come from {current.model} ({current.fingerprint[:12]}) and this model is "
        f"{stamp.model} ({stamp.fingerprint[:12]}): set CLIP_MODEL to the former, or move the catalog with "
        "python -m catalog reembed"
    )
