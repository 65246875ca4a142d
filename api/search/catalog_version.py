"""The catalog's version and model as this process knows them; every query key contains both."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from redis.asyncio import Redis

from common.catalog.version import made_from
from common.queries import SearchQuery, query_key
from common.redis import keyspace

#: Also the longest that a change of the catalog stays unseen while the catalog answers.
LOOK_EVERY_S = 1.0
#: The longest that a version is believed without being seen again. A catalog that is started anew takes less.
BELIEVED_S = 10.0


@dataclass(frozen=True, slots=True)
class QueryKey:
    """A query key, and the model and version of the catalog that a result under it is made from."""

    value: str
    made_from: str


class CatalogVersion:
    """Follows the version in the catalog and the word in Redis; looks each second, and when it is told to.

    Where the version is not known, each second has one of its own: no cached result is found under it, none
    is kept, and a run is joined only by the queries of its second.
    """

    def __init__(self, redis: Redis, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._seen: str | None = None
        #: When the catalog was asked for the version that is believed.
        self.seen_at = float("-inf")
        self._word = ""
        self._model = "unknown"
        #: Set when a change was told: it is time to look, in the catalog and in Redis.
        self.told, self.told_redis = asyncio.Event(), asyncio.Event()

    @property
    def version(self) -> str:
        """The version of the catalog, and the word beside it."""
        return self._with_word(self._catalog_version)

    @property
    def is_known(self) -> bool:
        """Whether the version was seen lately, and with a model."""
        return self._model != "unknown" and self._seen is not None and self._is_believed

    def key_of(self, query: SearchQuery) -> QueryKey:
        """Return the query key under the present version and model."""
        version = self._catalog_version
        return QueryKey(
            _key(query, self._model, self._with_word(version)), made_from(model=self._model, version=version)
        )

    def on_event(self, _word: bytes) -> None:
        """Hear that the catalog has changed."""
        self.told.set()
        self.told_redis.set()

    async def look_in_redis(self) -> None:
        """Read word and model; both are kept while Redis has none."""
        word, model = await self._redis.mget(keyspace.CATALOG_VERSION, keyspace.CATALOG_MODEL)
        if word is not None and model is not None:
            self._word, self._model = _text(word), _text(model)

    async def look_in_catalog(self, ask: Callable[[], Awaitable[str | None]]) -> None:
        """Ask the catalog for its version."""
        # The answer may be as old as the question.
        asked_at = self._clock()
        self._seen = await ask()
        self.seen_at = asked_at

    def _with_word(self, version: str) -> str:
        return f"{version} {self._word}"

    @property
    def _is_believed(self) -> bool:
        return self._clock() - self.seen_at < BELIEVED_S

    @property
    def _catalog_version(self) -> str:
        if self._seen is not None and self._is_believed:
            return self._seen
        return f"unknown-{self._process}-{int(self._clock() / LOOK_EVERY_S)}"


@lru_cache(maxsize=4096)
def _key(query: SearchQuery, model: str, version: str) -> str:
    return query_key(query, model=model, catalog_version=version)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
