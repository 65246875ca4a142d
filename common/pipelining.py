"""A Redis client for many callers at once: their commands share one connection.

When ten thousand requests wake in one moment, each with a connection of its own, they would have to queue
for connections, and most would be told that Redis does not answer.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

from common.wire import Wire, packed

#: A longer command goes over a connection of its own: nobody waits behind an image.
LARGE_BYTES = 64 * 1024


class PipelinedRedis:
    """Commands over one client; safe to call from any task of one event loop.

    A caller that is cancelled leaves its command to run: a client that hangs up breaks no connection.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wire: Wire | None = None
        self._connecting: asyncio.Task[Wire] | None = None

    async def execute(self, *command: Any) -> Any:
        """Return the reply to one command.

        Raises:
            RedisError, OSError: it was refused, or not answered in time; it may have been done all the same.
        """
        if _is_large(command):
            execute: Any = self._redis.execute_command  # redis-py leaves it without types
            return await execute(*command)
        data = packed(*command)
        wire = self._wire
        if wire is None or wire.lost.done():
            wire = await self._connected()
        return await wire.ask(data)

    async def run(self, script: AsyncScript, args: Sequence[Any], *, names: Sequence[str] = ()) -> Any:
        """Return the reply of a script, which Redis is sent only where it does not know it."""
        rest = (len(names), *names, *args)
        try:
            return await self.execute("EVALSHA", script.sha, *rest)
        except NoScriptError:
            return await self.execute("EVAL", script.script, *rest)

    async def _connected(self) -> Wire:
        """Return a new connection: the same to all who need one at the same time."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._finish_connecting)
        # Shielded: one caller that goes away does not take the connection along.
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> Wire:
        lost, self._wire = self._wire, None
        if lost is not None:
            await lost.close()
        self._wire = await Wire.open(self._redis)
        return self._wire

    def _finish_connecting(self, task: "asyncio.Task[Wire]") -> None:
        self._connecting = None
        if not task.cancelled():
            # Whoever waited has it; if nobody does any more, asyncio must not complain.
            task.exception()


def _is_large(command: tuple[Any, ...]) -> bool:
    return sum(len(word) for word in command if isinstance(word, bytes | str)) > LARGE_BYTES
