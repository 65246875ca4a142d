"""Tells the gateways that the catalog has changed, so that no cached result of before is shown."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from common.catalog_version import new_catalog_version
from common.clients import open_redis
from common.errors import QueueUnavailable
from common.settings import Settings

_ADVICE = (
    "start it, set REDIS_URL, or say --keep-cache: then cached results of the catalog as it was are shown "
    "until they expire"
)


def tell_new_version(settings: Settings, *, model_fingerprint: str) -> None:
    """Give the catalog a new version in REDIS_URL.

    Raises:
        QueueUnavailable: Redis does not answer.
    """
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        try:
            new_catalog_version(redis, model_fingerprint=model_fingerprint)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error


def require_redis(settings: Settings) -> None:
    """Find out before the work whether the gateways can be told after it.

    Raises:
        QueueUnavailable: Redis does not answer.
    """
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        try:
            redis.ping()
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error


@contextmanager
def retiring_results(
    settings: Settings, *, model_fingerprint: str, keep_cache: bool = False
) -> Iterator[None]:
    """Give the catalog a new version after the body, however the body ends.

    Raises:
        QueueUnavailable: Redis does not answer; before the body, unless it went away meanwhile.
    """
    if keep_cache:
        yield
        return
    require_redis(settings)
    try:
        yield
    finally:
        tell_new_version(settings, model_fingerprint=model_fingerprint)


def _unavailable(error: Exception) -> QueueUnavailable:
    return QueueUnavailable(f"the Redis at REDIS_URL does not answer ({type(error).__name__}); {_ADVICE}")
