"""Polls the catalog's version and model; every query key contains both."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from redis.asyncio import Redis

from common.catalog.version import made_from
from common.redis import keyspace
from common.search_query import SearchQuery, query_key

#: The seconds between polls; while the catalog answers, a change is noticed within this time.
POLL_EVERY_S = 1.0
#: The seconds for which a version is trusted after its last poll, longer than a catalog's restart takes.
VERSION_MAX_AGE_S = 10.0


@dataclass(frozen=True, slots=True)
class QueryKey:
    """A query key, and a text that names the model and catalog version used to compute the result."""

    value: str
    made_from: str


class CatalogVersion:
    """The catalog's version and the token in Redis, polled every second and after each change event.

    While the version is unknown, each second gets a different temporary version. With a temporary version,
    the cache of results is neither read nor written, and queries share a run only if they arrive in the same
    second.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        has_thumbnails: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._has_thumbnails = has_thumbnails
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._seen: str | None = None
        #: The time at which the last answered poll of the catalog was sent.
        self.seen_at = float("-inf")
        self._token = ""
        self._model = "unknown"
        #: Setting one of these events makes the next poll of the catalog or of Redis start at once.
        self.catalog_poll_due, self.redis_poll_due = asyncio.Event(), asyncio.Event()

    @property
    def version(self) -> str:
        """The version of the catalog, combined with the token in Redis."""
        return self._with_token(self._catalog_version)

    @property
    def seen(self) -> str | None:
        """The catalog's own version, or None if it was not polled recently."""
        return self._seen if self._is_fresh else None

    @property
    def is_known(self) -> bool:
        """Whether the model is known and the version was polled recently."""
        return self._model != "unknown" and self._seen is not None and self._is_fresh

    def key_of(self, query: SearchQuery) -> QueryKey:
        """Return the key of a query for the current version and model."""
        version = self._catalog_version
        return QueryKey(
            _key(query, self._model, self._with_token(version), self._has_thumbnails),
            made_from(model=self._model, version=version, has_thumbnails=self._has_thumbnails),
        )

    def on_event(self, _token: bytes) -> None:
        """Poll the catalog and Redis soon, because the catalog has changed."""
        self.catalog_poll_due.set()
        self.redis_poll_due.set()

    async def poll_redis(self) -> None:
        """Read the token and the model from Redis; if one is missing, keep the last values."""
        word, model = await self._redis.mget(keyspace.CATALOG_VERSION, keyspace.CATALOG_MODEL)
        if word is not None and model is not None:
            self._token, self._model = _text(word), _text(model)

    async def poll_catalog(self, ask: Callable[[], Awaitable[str | None]]) -> None:
        """Ask the catalog for its version."""
        # The version's age counts from the start of the poll, because the version can change during the poll.
        asked_at = self._clock()
        self._seen = await ask()
        self.seen_at = asked_at

    def _with_token(self, version: str) -> str:
        return f"{version} {self._token}"

    @property
    def _is_fresh(self) -> bool:
        return self._clock() - self.seen_at < VERSION_MAX_AGE_S

    @property
    def _catalog_version(self) -> str:
        if self._seen is not None and self._is_fresh:
            return self._seen
        return f"unknown-{self._process}-{int(self._clock() / POLL_EVERY_S)}"


@lru_cache(maxsize=4096)
def _key(query: SearchQuery, model: str, version: str, has_thumbnails: bool) -> str:
    return query_key(query, model=model, catalog_version=version, has_thumbnails=has_thumbnails)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
