"""Tells the gateways that the catalog has changed, so that no cached result of before is shown."""

from redis.exceptions import RedisError

from common.catalog_version import new_catalog_version
from common.clients import open_redis
from common.errors import QueueUnavailable
from common.settings import Settings


def tell_new_version(settings: Settings, *, model_fingerprint: str) -> None:
    """Give the catalog a new version in REDIS_URL.

    Raises:
        QueueUnavailable: Redis does not answer; cached results stay until they expire.
    """
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        try:
            new_catalog_version(redis, model_fingerprint=model_fingerprint)
        except (RedisError, OSError) as error:
            raise QueueUnavailable(
                f"the Redis at REDIS_URL does not answer ({type(error).__name__}), and cached results of the "
                "catalog as it was stay until they expire; run the command again once it answers"
            ) from error
