"""Where keys are kept, as an operator works with them: one hash in Redis, by id, without an end."""

from typing import cast

from redis import Redis

from api.keys.key import KeyRecord
from common.redis import keyspace


class KeyStore:
    """Every call raises `RedisError` or `OSError` where Redis does not do it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, record: KeyRecord) -> None:
        """Keep a new key."""
        self._redis.hset(keyspace.API_KEYS, record.id, record.to_json())

    def all(self) -> list[KeyRecord]:
        """Return every key, the oldest first."""
        entries = cast("dict[bytes, bytes]", self._redis.hgetall(keyspace.API_KEYS))
        records = [KeyRecord.from_json(entry) for entry in entries.values()]
        return sorted(records, key=lambda record: (record.created_at, record.id))

    def revoke(self, key_id: str) -> bool:
        """Forget a key; False where there is none of this id."""
        return bool(self._redis.hdel(keyspace.API_KEYS, key_id))
