"""A Redis client for many concurrent callers, whose commands share one connection.

If each caller needed its own connection, ten thousand requests that resume at the same time would queue for
connections, and most of these requests would time out.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError, RedisError

from common.redis.multiplexed_connection import MultiplexedConnection, pack_command

T = TypeVar("T")

#: Maximum length in bytes of a command on the shared connection. A longer command uses a pooled connection,
#: so that sending an image does not delay other commands.
LARGE_BYTES = 64 * 1024
#: Maximum number of long commands that are sent at the same time; further long commands wait.
LARGE_AT_ONCE = 8


class MultiplexedRedis:
    """A client that all tasks of one event loop share.

    A command continues even if its caller is cancelled, so that a disconnecting HTTP client does not break
    the shared connection.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._connection: MultiplexedConnection | None = None
        self._connecting: asyncio.Task[MultiplexedConnection] | None = None
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def execute(self, *command: Any) -> Any:
        """Send one command and return its reply.

        Raises:
            RedisError, OSError: Redis refused the command, or did not answer in time; in the second case,
            Redis may have executed the command.
        """
        if _is_large(command):
            return await _shielded(asyncio.ensure_future(self._send_large(command)))
        data = pack_command(*command)
        connection = self._connection
        if connection is None or connection.lost.done():
            connection = await self._connected()
        return await connection.request(data)

    async def run(self, script: AsyncScript, args: Sequence[Any], *, names: Sequence[str] = ()) -> Any:
        """Run a script and return its reply; send its text only if Redis does not know the script."""
        rest = (len(names), *names, *args)
        try:
            return await self.execute("EVALSHA", script.sha, *rest)
        except NoScriptError:
            return await self.execute("EVAL", script.script, *rest)

    async def _connected(self) -> MultiplexedConnection:
        """Open and return a new connection; callers that wait at the same time get the same one."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._finish_connecting)
        try:
            return await _shielded(self._connecting)
        except RedisError as error:
            # Each caller gets its own error, because a shared error would collect all callers' tracebacks.
            raise type(error)(*error.args) from error

    async def _connect(self) -> MultiplexedConnection:
        lost, self._connection = self._connection, None
        if lost is not None:
            await lost.close()
        self._connection = await MultiplexedConnection.open(self._redis)
        return self._connection

    def _finish_connecting(self, _: "asyncio.Task[MultiplexedConnection]") -> None:
        self._connecting = None

    async def _send_large(self, command: tuple[Any, ...]) -> Any:
        execute: Any = self._redis.execute_command  # redis-py has no types for it
        async with self._large:
            return await execute(*command)


async def _shielded(task: "asyncio.Future[T]") -> T:
    """Wait for a task, which continues if the caller is cancelled; mark the task's exception as retrieved."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(task)


def _is_large(command: tuple[Any, ...]) -> bool:
    return sum(len(word) for word in command if isinstance(word, bytes | str)) > LARGE_BYTES
