"""The one pub/sub connection of a gateway process, and who hears what comes over it."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

#: A silent connection is asked whether it is alive; without an answer it is made anew.
SILENCE_S = 2.0
RECONNECT_S = 0.5


class Subscription:
    """Hears the channels and calls each channel's listener with the message."""

    def __init__(self, redis: Redis, listeners: Mapping[str, Callable[[bytes], None]]) -> None:
        self._redis = redis
        self._listeners = {channel.encode(): listener for channel, listener in listeners.items()}

    async def run(self) -> None:
        """Listen until cancelled; a lost connection is made anew, and what it missed is lost."""
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(*self._listeners)
                    log.debug("subscribed")
                    await self._listen(pubsub)
            except (RedisError, OSError) as error:
                log.warning("the subscription is lost", extra={"error": str(error)})
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=SILENCE_S)
            if message is None:
                if asked:
                    raise ConnectionError("no answer to a ping")
                await pubsub.ping()
                asked = True
                continue
            asked = False
            if message["type"] == "message":
                self._listeners[message["channel"]](message["data"])
