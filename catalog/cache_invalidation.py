"""Invalidates cached search results by telling the gateways, through Redis, that the catalog has changed.

Gateways also check the catalog's version every second, so without Redis they notice a change at most one
second later.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError
from rich.console import Console

from common.catalog.version import new_catalog_version
from common.redis.clients import open_redis
from common.redis.errors import describe_error
from common.settings import Settings


def invalidate_cached_results(settings: Settings, console: Console, *, model_fingerprint: str | None) -> None:
    """Replace the catalog version in Redis, which is part of the cache key of every search result."""
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        try:
            new_catalog_version(redis, model_fingerprint=model_fingerprint)
        except (RedisError, OSError) as error:
            console.print(
                f"{describe_error(error, setting='REDIS_URL')}; "
                "gateways notice the change by themselves, within a second",
                style="yellow",
            )


@contextmanager
def invalidating_cached_results(
    settings: Settings, console: Console, *, model_fingerprint: str | None, keep_cache: bool = False
) -> Iterator[None]:
    """Invalidate cached results after the `with` block, even if the block raises an exception."""
    try:
        yield
    finally:
        if not keep_cache:
            invalidate_cached_results(settings, console, model_fingerprint=model_fingerprint)
