"""Tells the gateways that the catalog has changed, so that no cached result of before is shown."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis.exceptions import RedisError

from common.catalog_version import (
    CHANGING_TOLD_PER_TTL,
    CHANGING_TTL_S,
    new_catalog_version,
    tell_catalog_changes,
)
from common.clients import open_redis
from common.errors import QueueUnavailable
from common.redis_faults import described
from common.settings import Settings

_ADVICE = (
    "start it, correct REDIS_URL, or say --keep-cache: then cached results of the catalog as it was are "
    "shown until they expire"
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
    """Give the catalog a new version before the body and after it, however the body ends.

    Meanwhile it is told that the catalog changes, so that a body that is killed leaves no result in use
    that was cached between its writes.

    Raises:
        QueueUnavailable: Redis does not answer; before the body, unless it went away meanwhile.
    """
    if keep_cache:
        yield
        return
    with _telling_changes(settings):
        tell_new_version(settings, model_fingerprint=model_fingerprint)
        try:
            yield
        finally:
            tell_new_version(settings, model_fingerprint=model_fingerprint)


@contextmanager
def _telling_changes(settings: Settings) -> Iterator[None]:
    """Tell that the catalog changes for as long as the body takes, from a thread of its own."""
    done = threading.Event()
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        try:
            tell_catalog_changes(redis)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error

        def tell_on() -> None:
            while not done.wait(CHANGING_TTL_S / CHANGING_TOLD_PER_TTL):
                # Without Redis nobody caches either; the version after the body is insisted on.
                with suppress(RedisError, OSError):
                    tell_catalog_changes(redis)

        telling = threading.Thread(target=tell_on, name="catalog changes", daemon=True)
        telling.start()
        try:
            yield
        finally:
            done.set()
            telling.join()


def _unavailable(error: Exception) -> QueueUnavailable:
    return QueueUnavailable(f"{described(error, setting='REDIS_URL')}; {_ADVICE}")
