"""The catalog's version: a random word in Redis that is part of every query key.

Replacing it retires every cached result at once. It is random and not a count, so that a Redis
that has lost its data cannot come back to an old version.
"""

import secrets

from redis import Redis

from common import keys


def new_catalog_version(redis: Redis, *, model_fingerprint: str) -> str:
    """Store and tell a new version, with the fingerprint of the model that made the vectors."""
    version = secrets.token_hex(8)
    pipeline = redis.pipeline(transaction=True)
    pipeline.set(keys.CATALOG_VERSION, version)
    pipeline.set(keys.CATALOG_MODEL, model_fingerprint)
    pipeline.publish(keys.CATALOG_EVENTS, version)
    pipeline.execute()
    return version


def ensure_catalog_version(redis: Redis, *, model_fingerprint: str) -> None:
    """Make a version where there is none, or where it names another model."""
    known = redis.get(keys.CATALOG_MODEL)
    if known != model_fingerprint.encode() or not redis.exists(keys.CATALOG_VERSION):
        new_catalog_version(redis, model_fingerprint=model_fingerprint)
