"""Verifies API keys by looking them up in Redis, and caches valid keys for two seconds."""

import time
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.contract.errors.request_errors import Unauthorized
from api.keys.key import KeyRecord, digest_of, id_of
from common.errors import QueueUnavailable
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis

#: The seconds for which a verified key is cached; a revoked key is accepted for at most this long.
TRUST_S = 2.0
CACHE_MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class _CacheEntry:
    record: KeyRecord
    expires_at: float


class KeyVerifier:
    """Verifies keys and caches the valid ones."""

    def __init__(self, redis: Redis) -> None:
        self._redis = MultiplexedRedis(redis)
        #: Maps the SHA-256 of each cached key to its record; plain-text keys are not kept in memory.
        self._cache: dict[str, _CacheEntry] = {}

    async def verify(self, presented: str) -> KeyRecord:
        """Return the record of a valid key.

        Raises:
            Unauthorized: the key does not exist or is revoked.
            QueueUnavailable: Redis did not answer, so the key could not be checked.
        """
        digest = digest_of(presented)
        cached = self._cache.get(digest)
        if cached is not None and time.monotonic() < cached.expires_at:
            return cached.record
        self._cache.pop(digest, None)
        record = await self._fetch(presented)
        if record is None:
            raise Unauthorized("the API key is not valid")
        if len(self._cache) >= CACHE_MAX_KEYS:
            del self._cache[next(iter(self._cache))]
        self._cache[digest] = _CacheEntry(record, time.monotonic() + TRUST_S)
        return record

    async def _fetch(self, presented: str) -> KeyRecord | None:
        key_id = id_of(presented)
        if key_id is None:
            return None
        try:
            entry = await self._redis.execute("HGET", keyspace.API_KEYS, key_id)
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"keys cannot be checked now ({type(error).__name__})") from error
        record = KeyRecord.from_json(entry) if entry else None
        return record if record is not None and record.matches(presented) else None
