"""Logs warnings about a Redis configuration that may lose jobs, at startup and then periodically."""

import logging

from redis.asyncio import Redis

from common.redis.durability import durability_faults

log = logging.getLogger(__name__)

CHECK_EVERY_S = 60.0


class BrokerWarnings:
    """Checks the broker's configuration and logs each new fault once."""

    def __init__(self, redis: Redis, *, shares_cache: bool) -> None:
        self._redis = redis
        self._shares_cache = shares_cache
        self._reported: tuple[str, ...] = ()

    async def check(self) -> None:
        """Log the configuration faults that the previous check did not find."""
        faults = durability_faults(await self._redis.info(), shares_cache=self._shares_cache)
        for fault in faults:
            if fault not in self._reported:
                log.warning("the broker may lose jobs", extra={"fault": fault})
        self._reported = faults
