"""Looks at a running stack from outside: does the gateway answer, is a worker ready."""

import httpx
import orjson
from redis import Redis
from redis.exceptions import RedisError

from common.redis import keyspace
from common.redis.clients import open_redis


def gateway_answers(url: str) -> bool:
    """Say whether the gateway's process answers; its dependencies are no part of it."""
    try:
        return httpx.get(f"{url}/livez", timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def worker_is_ready(redis_url: str, pid: int) -> bool:
    """Say whether the worker with this process id has announced a loaded model."""
    try:
        with open_redis(redis_url) as redis:
            return any(a.get("pid") == pid and a.get("ready") for a in announcements(redis))
    except (RedisError, OSError):
        return False


def announcements(redis: Redis) -> list[dict[str, object]]:
    """Return what the live workers announce of themselves."""
    ids = [
        str(member, "ascii") for member in redis.zrange(keyspace.WORKERS, 0, -1) if isinstance(member, bytes)
    ]
    found = redis.mget([keyspace.worker(worker_id) for worker_id in ids]) if ids else []
    return [orjson.loads(entry) for entry in found if isinstance(entry, bytes)]
