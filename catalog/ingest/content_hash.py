"""The content hash of an album: what must be the same for it to be left alone."""

import hashlib

import orjson

from catalog.ingest.columns.mapping import Album


def content_hash(album: Album, *, cover_hash: str, cover_source: str, cover_url: str | None) -> str:
    """Return a SHA-256, in hex, over the row and its cover; the model is no part of it."""
    genres = album.fields.genres
    document = {
        # The address is told below, wherever it came from. A single genre is told as it was before an album
        # could have several.
        "fields": album.fields.model_dump(exclude={"cover_url", "genres"})
        | {"genre": genres if len(genres) > 1 else album.fields.genre},
        "metadata": album.metadata,
        "cover": cover_hash,
        "cover_source": cover_source,
        "cover_url": cover_url,
    }
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
