"""The version token in Redis; replacing it invalidates every cached result.

The query key contains this token and the catalog's own version (`Catalog.version`). Gateways read the
catalog's version every second. Replacing the token also makes the gateways read the catalog's version at
once. The token is random, because a counter could repeat an old value after Redis has lost its data.
"""

import secrets

from redis import Redis

from common.redis import keyspace


def new_catalog_version(redis: Redis, *, model_fingerprint: str | None) -> str:
    """Store and publish a new version token; also store the fingerprint of the catalog's model if given."""
    version = secrets.token_hex(8)
    pipeline = redis.pipeline(transaction=True)
    pipeline.set(keyspace.CATALOG_VERSION, version)
    if model_fingerprint is not None:
        pipeline.set(keyspace.CATALOG_MODEL, model_fingerprint)
    pipeline.publish(keyspace.CATALOG_EVENTS, version)
    pipeline.execute()
    return version


def made_from(*, model: str, version: str | None, has_thumbnails: bool = False) -> str:
    """Return a string that identifies the model and the catalog version from which a result is computed.

    The string also tells whether the result has the URLs of thumbnails, because a worker and a gateway may
    have different values of THUMBNAIL_DIR while they are restarted.
    """
    return f"{model} {version}{' thumbnails' if has_thumbnails else ''}"


def ensure_catalog_version(redis: Redis, *, model_fingerprint: str, preprocessing: int) -> None:
    """Store a new version token if Redis has none, or if the model or the preprocessing has changed."""
    model, before, version = redis.mget(
        keyspace.CATALOG_MODEL, keyspace.CATALOG_PREPROCESSING, keyspace.CATALOG_VERSION
    )
    known = (model_fingerprint.encode(), str(preprocessing).encode())
    if (model, before) != known or version is None:
        new_catalog_version(redis, model_fingerprint=model_fingerprint)
        redis.set(keyspace.CATALOG_PREPROCESSING, preprocessing)
