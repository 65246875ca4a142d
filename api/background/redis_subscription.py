"""The gateway's Redis pub/sub subscription, which serves one listener per channel over one connection."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from redis.asyncio import Redis
from redis.exceptions import RedisError

from common.redis.multiplexed_connection import MultiplexedConnection, pack_command

log = logging.getLogger(__name__)

#: The seconds between the PING commands that detect a dead connection.
PING_EVERY_S = 2.0
RECONNECT_S = 0.5


class Subscription:
    """Subscribes to channels and calls each channel's listener with its messages."""

    def __init__(self, redis: Redis, listeners: Mapping[str, Callable[[bytes], None]]) -> None:
        self._redis = redis
        self._listeners = {channel.encode(): listener for channel, listener in listeners.items()}

    async def run(self) -> None:
        """Listen until cancelled, and reconnect when the connection is lost.

        Messages that are sent while the connection is lost are not delivered.
        """
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                log.warning("the subscription is lost", extra={"error": str(error)})
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> NoReturn:
        """Subscribe and listen; raise an error when the connection is lost."""
        connection = await MultiplexedConnection.open(self._redis, on_push=self._dispatch)
        try:
            connection.send(pack_command("SUBSCRIBE", *self._listeners))
            while True:
                await connection.request(pack_command("PING"))
                await asyncio.wait({connection.lost}, timeout=PING_EVERY_S)
        finally:
            await connection.close()

    def _dispatch(self, push: list[Any]) -> None:
        if push[0] != b"message":
            return
        _, channel, message = push
        try:
            self._listeners[channel](message)
        except Exception:
            # A malformed message is logged and skipped, so that it does not end the subscription.
            log.exception("a message could not be read", extra={"channel": channel.decode()})
