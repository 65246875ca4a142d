"""The keys as a gateway knows them: asked of Redis, and taken as known for two seconds."""

import time
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.contract.http_errors import Unauthorized
from api.keys.key import KeyRecord, digest_of, id_of
from common.errors import QueueUnavailable
from common.redis import keyspace
from common.redis.multiplexed_client import MultiplexedRedis

#: How long a revoked key may still be taken.
FRESH_S = 2.0
KNOWN_MAX = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    record: KeyRecord
    until: float


class KeyRing:
    """Recognises keys; only those that are valid are remembered."""

    def __init__(self, redis: Redis) -> None:
        self._redis = MultiplexedRedis(redis)
        #: By the SHA-256 of the key, so that no key lies about in memory.
        self._known: dict[str, _Known] = {}

    async def recognise(self, presented: str) -> KeyRecord:
        """Return what is kept of a key.

        Raises:
            Unauthorized: it is none, or is revoked.
            QueueUnavailable: Redis, which would know, does not answer.
        """
        digest = digest_of(presented)
        known = self._known.get(digest)
        if known is not None and time.monotonic() < known.until:
            return known.record
        self._known.pop(digest, None)
        record = await self._ask(presented)
        if record is None:
            raise Unauthorized("the API key is not valid")
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[digest] = _Known(record, time.monotonic() + FRESH_S)
        return record

    async def _ask(self, presented: str) -> KeyRecord | None:
        key_id = id_of(presented)
        if key_id is None:
            return None
        try:
            entry = await self._redis.execute("HGET", keyspace.API_KEYS, key_id)
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"keys cannot be checked now ({type(error).__name__})") from error
        record = KeyRecord.from_json(entry) if entry else None
        return record if record is not None and record.matches(presented) else None
