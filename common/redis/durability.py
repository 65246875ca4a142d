"""Checks the INFO output of the broker's Redis for settings that can cause jobs to be lost."""

from collections.abc import Mapping

from common.redis.clients import connection_options
from common.redis.startup_check import unsupported_reason
from common.settings import Settings


def durability_faults(info: Mapping[str, object], *, shares_cache: bool) -> tuple[str, ...]:
    """Return a sentence, including the remedy, for each server setting that can cause jobs to be lost."""
    faults = []
    if (fault := unsupported_reason(info)) is not None:
        faults.append(f"REDIS_URL: {fault}")
    policy = info.get("maxmemory_policy", "noeviction")
    # Without a memory limit Redis never evicts keys, whatever its eviction policy is.
    if policy != "noeviction" and info.get("maxmemory"):
        whose = "that queue and cache share" if shares_cache else "at REDIS_URL"
        apart = ", or give the cache a server of its own with CACHE_REDIS_URL" if shares_cache else ""
        faults.append(
            f"the Redis {whose} evicts (maxmemory-policy {policy}): when memory is short it throws away "
            f"queued jobs; set its maxmemory-policy to noeviction{apart}"
        )
    if not info.get("aof_enabled"):
        faults.append(
            "the Redis at REDIS_URL does not append to a file: a restart loses the queue; set appendonly yes"
        )
    elif info.get("aof_last_write_status", "ok") != "ok":
        faults.append(
            "the Redis at REDIS_URL cannot write its append-only file: a restart loses jobs; free its disk"
        )
    return tuple(faults)


def shares_cache(settings: Settings) -> bool:
    """Return whether queue and cache are on the same server; all databases of a server share its memory."""
    return _server(settings.redis_url.get_secret_value()) == _server(settings.cache_url.get_secret_value())


def _server(url: str) -> tuple[str, int]:
    options = connection_options(url)
    return options.get("path") or options.get("host", "localhost"), options.get("port", 6379)
