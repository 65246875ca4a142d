"""Warns of a Redis that may lose jobs: when the gateway starts, and when it is set up otherwise later."""

import logging

from redis.asyncio import Redis

from common.redis.durability import durability_faults

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0


class BrokerWarnings:
    """Looks at how the broker is set up and tells each fault once."""

    def __init__(self, redis: Redis, *, shares_cache: bool) -> None:
        self._redis = redis
        self._shares_cache = shares_cache
        self._told: tuple[str, ...] = ()

    async def look(self) -> None:
        """Warn of what was not wrong at the last look."""
        faults = durability_faults(await self._redis.info(), shares_cache=self._shares_cache)
        for fault in faults:
            if fault not in self._told:
                log.warning("the broker may lose jobs", extra={"fault": fault})
        self._told = faults
