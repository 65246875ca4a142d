"""A Redis client for many callers at once: their commands share one connection.

When ten thousand requests wake in one moment, each with a connection of its own, they would have to queue
for connections, and most would be told that Redis does not answer.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError, RedisError

from common.redis.multiplexed_connection import MultiplexedConnection, packed

T = TypeVar("T")

#: A longer command goes over a connection of its own: nobody waits behind an image.
LARGE_BYTES = 64 * 1024
#: How many of these are under way at once; more wait, and for nothing but those before them.
LARGE_AT_ONCE = 8


class MultiplexedRedis:
    """Commands over one client; safe to call from any task of one event loop.

    A caller that is cancelled leaves its command to run: a client that hangs up breaks no connection.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wire: MultiplexedConnection | None = None
        self._connecting: asyncio.Task[MultiplexedConnection] | None = None
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def execute(self, *command: Any) -> Any:
        """Return the reply to one command.

        Raises:
            RedisError, OSError: it was refused, or not answered in time; it may have been done all the same.
        """
        if _is_large(command):
            return await _shielded(asyncio.ensure_future(self._send_large(command)))
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

    async def _connected(self) -> MultiplexedConnection:
        """Return a new connection: the same to all who need one at the same time."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._finish_connecting)
        try:
            return await _shielded(self._connecting)
        except RedisError as error:
            # Each its own: a shared one would gather the tracebacks of all.
            raise type(error)(*error.args) from error

    async def _connect(self) -> MultiplexedConnection:
        lost, self._wire = self._wire, None
        if lost is not None:
            await lost.close()
        self._wire = await MultiplexedConnection.open(self._redis)
        return self._wire

    def _finish_connecting(self, _: "asyncio.Task[MultiplexedConnection]") -> None:
        self._connecting = None

    async def _send_large(self, command: tuple[Any, ...]) -> Any:
        execute: Any = self._redis.execute_command  # redis-py leaves it without types
        async with self._large:
            return await execute(*command)


async def _shielded(task: "asyncio.Future[T]") -> T:
    """Wait for a task that goes on where its waiter goes away; nobody may be left to hear of its failure."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(task)


def _is_large(command: tuple[Any, ...]) -> bool:
    return sum(len(word) for word in command if isinstance(word, bytes | str)) > LARGE_BYTES
