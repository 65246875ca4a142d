"""Redis commands of many callers over one connection: each is written at once, and replies come in order.

redis-py lends every caller a connection of its own, which costs 0.11 ms of Python a call where this costs
0.04; and when ten thousand requests wake in one moment, they would have to queue for connections. The
connection itself, with whatever a URL asks of it (TLS, password, database), is made by redis-py; hiredis
writes and reads the protocol.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

#: A longer command goes over a connection of its own: nobody waits behind an image.
LARGE_BYTES = 64 * 1024

_NOT_ENOUGH = object()


class PipelinedRedis:
    """Commands over one client; safe to call from any task of one event loop.

    A caller that is cancelled leaves its command to run: a client that hangs up breaks no connection.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wire: _Wire | None = None
        self._connecting: asyncio.Task[_Wire] | None = None

    async def execute(self, *command: Any) -> Any:
        """Return the reply to one command.

        Raises:
            RedisError, OSError: it was refused, or not answered in time; it may have been done all the same.
        """
        if _is_large(command):
            execute: Any = self._redis.execute_command  # redis-py leaves it without types
            return await execute(*command)
        packed = hiredis.pack_command(command)
        wire = self._wire
        if wire is None or wire.is_lost:
            wire = await self._connected()
        return await wire.ask(packed)

    async def run(self, script: AsyncScript, args: Sequence[Any], *, names: Sequence[str] = ()) -> Any:
        """Return the reply of a script, which Redis is sent only where it does not know it."""
        rest = (len(names), *names, *args)
        try:
            return await self.execute("EVALSHA", script.sha, *rest)
        except NoScriptError:
            return await self.execute("EVAL", script.script, *rest)

    async def _connected(self) -> "_Wire":
        """Return a new connection: the same to all who need one at the same time."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._finish_connecting)
        # Shielded: one caller that goes away does not take the connection along.
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> "_Wire":
        pool: Any = self._redis.connection_pool  # redis-py leaves some of it without types
        if self._wire is not None:
            lost, self._wire = self._wire.connection, None
            await lost.disconnect(nowait=True)
            await pool.release(lost)
        # Lent for good; the pool closes it with all others.
        connection = await pool.get_connection()
        self._wire = _Wire(connection)
        return self._wire

    def _finish_connecting(self, task: "asyncio.Task[_Wire]") -> None:
        self._connecting = None
        if not task.cancelled():
            # Whoever waited has it; if nobody does any more, asyncio must not complain.
            task.exception()


class _Wire(asyncio.Protocol):
    """One connection, taken over from redis-py once it stands."""

    def __init__(self, connection: AbstractConnection) -> None:
        self.connection = connection
        self.is_lost = False
        self._silence_s: float = connection.socket_timeout or 1.0
        self._reader = hiredis.Reader(replyError=_reply_error, notEnoughData=_NOT_ENOUGH)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        writer = connection._writer  # noqa: SLF001 - redis-py shows the transport of a connection nowhere else
        assert writer is not None  # noqa: S101 - it has just been connected
        self._transport = writer.transport
        self._stream = self._transport.get_protocol()
        self._transport.set_protocol(self)

    def ask(self, packed: bytes) -> "asyncio.Future[Any]":
        """Send a command; the future has its reply."""
        reply: asyncio.Future[Any] = self._loop.create_future()
        if not self._waiting:
            self._heard_at = self._loop.time()
        self._waiting.append(reply)
        self._transport.write(packed)
        if self._timer is None:
            self._timer = self._loop.call_later(self._silence_s, self._look)
        return reply

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _NOT_ENOUGH:
                if not isinstance(reply, hiredis.PushNotification):
                    _settle(self._waiting.popleft(), reply)
        except hiredis.ProtocolError as error:
            self._lose(RedisConnectionError(f"what Redis answers is no Redis protocol: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(RedisConnectionError(f"the connection to Redis is lost ({exc or 'closed by the server'})"))
        # redis-py waits for its own protocol to hear of it when it closes a connection.
        self._stream.connection_lost(exc)

    def _look(self) -> None:
        """Give the connection up where Redis owes a reply and has been silent for too long."""
        self._timer = None
        if not self._waiting:
            return
        left_s = self._heard_at + self._silence_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        else:
            self._lose(RedisTimeoutError(f"Redis has not answered for {self._silence_s:g} s"))

    def _lose(self, error: Exception) -> None:
        self.is_lost = True
        self._transport.abort()
        while self._waiting:
            # Each its own: a shared one would gather the tracebacks of all.
            _settle(self._waiting.popleft(), type(error)(*error.args))


def _is_large(command: tuple[Any, ...]) -> bool:
    return sum(len(word) for word in command if isinstance(word, bytes | str)) > LARGE_BYTES


def _reply_error(message: str) -> ResponseError:
    return (NoScriptError if message.startswith("NOSCRIPT") else ResponseError)(message)


def _settle(waiting: "asyncio.Future[Any]", reply: Any) -> None:
    if waiting.done():
        return
    if isinstance(reply, Exception):
        waiting.set_exception(reply)
    else:
        waiting.set_result(reply)
