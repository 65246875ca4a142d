"""The content hash of an album: what must be the same for it to be left alone."""

import hashlib

import orjson

from catalog.ingest.mapping import Album


def content_hash(album: Album, *, cover_hash: str, cover_source: str, cover_url: str | None) -> str:
    """Return a SHA-256, in hex, over the row and its cover; the model is no part of it."""
    document = {
        # The address is told below, wherever it came from.
        "fields": album.fields.model_dump(exclude={"cover_url"}),
        "metadata": album.metadata,
        "cover": cover_hash,
        "cover_source": cover_source,
        "cover_url": cover_url,
    }
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
