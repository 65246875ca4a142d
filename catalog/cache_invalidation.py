"""Tells the gateways that the catalog has changed, so that they look at once.

They look each second anyway: a Redis that does not answer costs no more than that second.
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
    """Replace the word in REDIS_URL that is part of every query key."""
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
    """Tell the gateways after the body, however it ends."""
    try:
        yield
    finally:
        if not keep_cache:
            invalidate_cached_results(settings, console, model_fingerprint=model_fingerprint)
