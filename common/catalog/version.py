"""The word in Redis that retires every cached result at once, whatever the catalog says.

The catalog itself tells its version (`Catalog.version`), and gateways ask for it each second. The word is
part of every query key beside it. Who replaces it also has the gateways look at once. It is random and not
a count, so that a Redis that has lost its data cannot come back to an old word.
"""

import secrets

from redis import Redis

from common.redis import keyspace


def new_catalog_version(redis: Redis, *, model_fingerprint: str | None) -> str:
    """Store and tell a new word; also the fingerprint of the model that made the vectors, unless unknown."""
    version = secrets.token_hex(8)
    pipeline = redis.pipeline(transaction=True)
    pipeline.set(keyspace.CATALOG_VERSION, version)
    if model_fingerprint is not None:
        pipeline.set(keyspace.CATALOG_MODEL, model_fingerprint)
    pipeline.publish(keyspace.CATALOG_EVENTS, version)
    pipeline.execute()
    return version


def made_from(*, model: str, version: str | None) -> str:
    """Return what a result is made from: a model, by its fingerprint, and a version of the catalog."""
    return f"{model} {version}"


def ensure_catalog_version(redis: Redis, *, model_fingerprint: str, preprocessing: int) -> None:
    """Make a version where there is none, or where queries are embedded otherwise than before.

    That is by another model, or from pixels of another version of the preprocessing.
    """
    model, before, version = redis.mget(
        keyspace.CATALOG_MODEL, keyspace.CATALOG_PREPROCESSING, keyspace.CATALOG_VERSION
    )
    known = (model_fingerprint.encode(), str(preprocessing).encode())
    if (model, before) != known or version is None:
        new_catalog_version(redis, model_fingerprint=model_fingerprint)
        redis.set(keyspace.CATALOG_PREPROCESSING, preprocessing)
