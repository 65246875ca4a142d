"""Whether a catalog may take this model's vectors: one that holds another's may not."""

from catalog.writer.protocol import CatalogWriter
from common.catalog.protocol import ModelStamp
from common.errors import ModelMismatch


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
