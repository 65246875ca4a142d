"""The catalog's version: a random word in Redis that is part of every query key.

Replacing it retires every cached result at once. It is random and not a count, so that a Redis
that has lost its data cannot come back to an old version.

While a tool writes, a second word that it replaces every few seconds is part of the version too. Results
cached meanwhile show the catalog as it was between two writes; they go out of use with that word, also
when the tool was killed: the word runs out.
"""

import secrets

from redis import Redis

from common import keys

#: How long results that were cached during a killed tool's last writes are in use; it is told so many times
#: within that time.
CHANGING_TTL_S = 30.0
CHANGING_TOLD_PER_TTL = 3


def new_catalog_version(redis: Redis, *, model_fingerprint: str) -> str:
    """Store and tell a new version, with the fingerprint of the model that made the vectors."""
    version = secrets.token_hex(8)
    pipeline = redis.pipeline(transaction=True)
    pipeline.set(keys.CATALOG_VERSION, version)
    pipeline.set(keys.CATALOG_MODEL, model_fingerprint)
    pipeline.publish(keys.CATALOG_EVENTS, version)
    pipeline.execute()
    return version


def tell_catalog_changes(redis: Redis) -> None:
    """Say that the catalog is being written, for `CHANGING_TTL_S` from now."""
    redis.set(keys.CATALOG_CHANGING, secrets.token_hex(4), px=int(CHANGING_TTL_S * 1000))


def catalog_version(version: str, changing: str | None) -> str:
    """Return the version as it is part of a query key."""
    return version if changing is None else f"{version}-{changing}"


def ensure_catalog_version(redis: Redis, *, model_fingerprint: str, preprocessing: int) -> None:
    """Make a version where there is none, or where queries are embedded otherwise than before.

    That is by another model, or from pixels of another version of the preprocessing.
    """
    model, before, version = redis.mget(keys.CATALOG_MODEL, keys.CATALOG_PREPROCESSING, keys.CATALOG_VERSION)
    known = (model_fingerprint.encode(), str(preprocessing).encode())
    if (model, before) != known or version is None:
        new_catalog_version(redis, model_fingerprint=model_fingerprint)
        redis.set(keys.CATALOG_PREPROCESSING, preprocessing)
