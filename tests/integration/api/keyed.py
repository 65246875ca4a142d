"""Create API keys for tests, as an operator does."""

from redis import Redis

from api.keys.key import Role, make_key
from api.keys.store import KeyStore


def new_key(
    redis: Redis, name: str = "alice", *, role: Role = Role.SEARCH, rate: str = "unlimited"
) -> dict[str, str]:
    """Create an API key, and return its `Authorization` header."""
    key, record = make_key(name, role=role, rate=rate)
    KeyStore(redis).add(record)
    return {"Authorization": f"Bearer {key}"}
