"""The catalog's version and model as this process knows them; every query key contains both."""

import asyncio
import secrets
from functools import lru_cache

from redis.asyncio import Redis

from common import keys
from common.catalog_version import catalog_version
from common.queries import SearchQuery, query_key

LOOK_EVERY_S = 1.0


class CatalogWatch:
    """Follows the version in Redis: told of a change over the subscription, and looking each second."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        # Until a catalog announces itself, keys are this process's own: an answer cached under
        # them can never be taken for that of a catalog.
        self._version = f"unknown-{secrets.token_hex(8)}"
        self._model = "unknown"
        #: Set when a new version was told: it is time to look.
        self.told = asyncio.Event()

    @property
    def version(self) -> str:
        return self._version

    def key_of(self, query: SearchQuery) -> str:
        """Return the query key under the present version and model."""
        return _key(query, self._model, self._version)

    def on_event(self, _version: bytes) -> None:
        """Hear that the catalog has changed."""
        self.told.set()

    async def look(self) -> None:
        """Read version and model; both are kept while Redis has none."""
        version, model, changing = await self._redis.mget(
            keys.CATALOG_VERSION, keys.CATALOG_MODEL, keys.CATALOG_CHANGING
        )
        if version is not None and model is not None:
            self._version = catalog_version(_text(version), None if changing is None else _text(changing))
            self._model = _text(model)


@lru_cache(maxsize=4096)
def _key(query: SearchQuery, model: str, version: str) -> str:
    return query_key(query, model=model, catalog_version=version)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
