"""One connection to Redis that many callers share.

All commands of one iteration of the event loop are sent in one write, and replies arrive in the order of the
commands. A call takes 0.04 ms of Python time. It takes 0.11 ms with redis-py's own client, which lends each
caller a connection and runs retry and timeout code for each reply (docs/decisions/0009). The connection is
still opened by redis-py, which handles TLS, password and database number; hiredis packs the commands and
parses the RESP 3 replies.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Self

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

#: A function that is called with the kind and the arguments of each push message, such as a channel message.
OnPush = Callable[[list[Any]], None]

_NOT_ENOUGH = object()
#: Maximum number of outstanding replies; if there are more, Redis is too slow to answer further callers
#: before their timeout.
_OUTSTANDING_MAX = 50_000
#: Seconds between the two checks for overdue replies; between the checks, an event loop that was blocked
#: reads the replies that have already arrived.
_SECOND_CHECK_S = 0.05
#: Prefixes of Redis errors that require a new connection for the next command.
_CANNOT_SERVE = ("LOADING", "READONLY")


def pack_command(*command: Any) -> bytes:
    """Return a command encoded in the Redis protocol."""
    data: bytes = hiredis.pack_command(command)
    return data


class MultiplexedConnection(asyncio.Protocol):
    """A connection that redis-py opened and this class has taken over; it belongs to one event loop."""

    @classmethod
    async def open(cls, redis: Redis, *, on_push: OnPush | None = None) -> Self:
        """Take a connection from the client's pool; `close` returns the connection to the pool.

        Raises:
            RedisError, OSError: no connection can be made.
        """
        pool: Any = redis.connection_pool  # redis-py has no types for some of it
        connection = await pool.get_connection()
        try:
            return cls(connection, pool=pool, on_push=on_push)
        except BaseException:
            await pool.release(connection)
            raise

    def __init__(self, connection: AbstractConnection, *, pool: Any, on_push: OnPush | None) -> None:
        #: A future that completes when the connection is lost.
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection, self._pool, self._on_push = connection, pool, on_push
        self._silence_s: float = connection.socket_timeout or 1.0
        self._reader = hiredis.Reader(replyError=_reply_error, notEnoughData=_NOT_ENOUGH)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._outgoing: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0
        #: Whether all outstanding replies belong to commands that the next write sends.
        self._starts_waiting = True
        self._timer: asyncio.TimerHandle | None = None
        writer = connection._writer  # noqa: SLF001 - the only way to its transport
        assert writer is not None  # noqa: S101 - it is connected
        self._transport = writer.transport
        self._stream = self._transport.get_protocol()
        self._transport.set_protocol(self)

    async def close(self) -> None:
        """Close the connection, so that the pool can open another one."""
        self._lose(RedisConnectionError("the connection to Redis was closed"))
        try:
            await self._connection.disconnect(nowait=True)
        finally:
            await self._pool.release(self._connection)

    def send(self, data: bytes) -> None:
        """Send a packed command that has no reply, such as SUBSCRIBE."""
        if not self._outgoing:
            # Commands of all callers are sent together at the end of this iteration of the event loop.
            self._loop.call_soon(self._flush)
        self._outgoing.append(data)

    def request(self, data: bytes) -> "asyncio.Future[Any]":
        """Send a packed command and return a future of its reply; errors of the future are `RedisError`s."""
        reply: asyncio.Future[Any] = self._loop.create_future()
        if self.lost.done() or len(self._waiting) >= _OUTSTANDING_MAX:
            why = "is lost" if self.lost.done() else f"owes {_OUTSTANDING_MAX} replies"
            reply.set_exception(RedisConnectionError(f"the connection to Redis {why}"))
            return reply
        self._starts_waiting = self._starts_waiting or not self._waiting
        self._waiting.append(reply)
        self.send(data)
        return reply

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._reader.feed(data)
        try:
            while not self.lost.done() and (reply := self._reader.gets()) is not _NOT_ENOUGH:
                self._take(reply)
        except hiredis.ProtocolError as error:
            self._lose(RedisConnectionError(f"the reply does not follow the Redis protocol: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(RedisConnectionError(f"the connection to Redis is lost ({exc or 'closed by the server'})"))
        # redis-py's own `connection_lost` must be called, because redis-py waits for this call when it closes
        # a connection.
        self._stream.connection_lost(exc)

    def _take(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            if self._on_push is not None:
                self._on_push(reply)
            return
        if not self._waiting:
            self._lose(RedisConnectionError(f"Redis sent a reply without a request: {str(reply)[:80]}"))
            return
        _settle(self._waiting.popleft(), reply)
        if isinstance(reply, ResponseError) and str(reply).startswith(_CANNOT_SERVE):
            self._lose(RedisConnectionError(str(reply)))

    def _flush(self) -> None:
        if not self.lost.done():
            self._transport.write(b"".join(self._outgoing))
            if self._starts_waiting:
                # The timeout of a reply starts when the command is written, because the command may have been
                # queued long before.
                self._heard_at, self._starts_waiting = self._loop.time(), False
            if self._timer is None:
                self._timer = self._loop.call_later(self._silence_s, self._check_silence)
        self._outgoing.clear()

    def _check_silence(self, heard_at: float | None = None) -> None:
        """Close the connection if two successive checks find that replies are overdue."""
        self._timer = None
        if not self._waiting:
            return
        left_s = self._heard_at + self._silence_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._check_silence)
        elif heard_at != self._heard_at:
            self._timer = self._loop.call_later(_SECOND_CHECK_S, self._check_silence, self._heard_at)
        else:
            self._lose(RedisTimeoutError(f"Redis has not answered for {self._silence_s:g} s"))

    def _lose(self, error: Exception) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
            self._transport.abort()
        while self._waiting:
            # Each caller gets its own error, because a shared error would collect all callers' tracebacks.
            _settle(self._waiting.popleft(), type(error)(*error.args))


def _reply_error(message: str) -> ResponseError:
    return (NoScriptError if message.startswith("NOSCRIPT") else ResponseError)(message)


def _settle(waiting: "asyncio.Future[Any]", reply: Any) -> None:
    if waiting.done():
        return
    if isinstance(reply, Exception):
        waiting.set_exception(reply)
    else:
        waiting.set_result(reply)
