"""Stores API keys in a Redis hash that maps key ids to records and does not expire."""

from typing import cast

from redis import Redis

from api.keys.key import KeyRecord
from common.redis import keyspace


class KeyStore:
    """Stores key records; every method raises `RedisError` or `OSError` if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, record: KeyRecord) -> None:
        """Store a new key."""
        self._redis.hset(keyspace.API_KEYS, record.id, record.to_json())

    def all(self) -> list[KeyRecord]:
        """Return every key, oldest first."""
        entries = cast("dict[bytes, bytes]", self._redis.hgetall(keyspace.API_KEYS))
        records = [KeyRecord.from_json(entry) for entry in entries.values()]
        return sorted(records, key=lambda record: (record.created_at, record.id))

    def revoke(self, key_id: str) -> bool:
        """Delete a key; return False if no key has this id."""
        return bool(self._redis.hdel(keyspace.API_KEYS, key_id))
