"""The container's health check (`python -m worker.health`), which succeeds if a worker on this host is ready.

Each container has its own host name, so the check finds the worker in the same container.
"""

import os
import socket
import sys
from typing import cast

import orjson
from redis import Redis
from redis.exceptions import RedisError

from common.errors import SettingsError
from common.redis import keyspace
from common.redis.clients import open_redis
from common.redis.errors import describe_error
from common.settings import load_settings


def not_ready_reason(redis: Redis, *, host: str) -> str | None:
    """Return the reason why no worker on a host is ready, or None if a worker is ready."""
    ids = [member.decode() for member in cast("list[bytes]", redis.zrange(keyspace.WORKERS, 0, -1))]
    entries = redis.mget([keyspace.worker(worker_id) for worker_id in ids]) if ids else []
    # The index of workers can still contain the id of a worker whose announcement has expired.
    announced = [orjson.loads(entry) for entry in entries if entry]
    here = [announcement for announcement in announced if announcement.get("host") == host]
    if any(announcement["ready"] for announcement in here):
        return None
    return next((str(a["error"]) for a in here if "error" in a), f"no worker of {host} has announced itself")


def main() -> int:
    """Return 0 if a worker is ready; otherwise print the reason and return 1."""
    try:
        settings = load_settings(os.environ)
        with open_redis(settings.redis_url.get_secret_value()) as redis:
            reason = not_ready_reason(redis, host=socket.gethostname())
    except SettingsError as error:
        reason = error.detail
    except (RedisError, OSError) as error:
        reason = describe_error(error, setting="REDIS_URL")
    if reason is None:
        return 0
    sys.stderr.write(f"worker: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
