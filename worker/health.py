"""Says whether a worker of this host has announced a loaded model: `python -m worker.health`.

It is the container's health check. A container is a host of its own, so the worker is the one beside it.
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


def fault(redis: Redis, *, host: str) -> str | None:
    """Return why no worker of a host is ready, None where one is."""
    ids = [member.decode() for member in cast("list[bytes]", redis.zrange(keyspace.WORKERS, 0, -1))]
    entries = redis.mget([keyspace.worker(worker_id) for worker_id in ids]) if ids else []
    # An announcement that ran out is gone, though its id may not have been swept away yet.
    announced = [orjson.loads(entry) for entry in entries if entry]
    here = [announcement for announcement in announced if announcement.get("host") == host]
    if any(announcement["ready"] for announcement in here):
        return None
    return next((str(a["error"]) for a in here if "error" in a), f"no worker of {host} has announced itself")


def main() -> int:
    """Return 0 for a ready worker; else say why not and return 1."""
    try:
        settings = load_settings(os.environ)
        with open_redis(settings.redis_url.get_secret_value()) as redis:
            reason = fault(redis, host=socket.gethostname())
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
