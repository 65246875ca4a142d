"""One connection to Redis that many callers share: commands of one turn of the loop go together, replies come
in order.

redis-py lends every caller a connection of its own and goes through its retries and time-outs for every
reply: 0.11 ms of Python a call where this costs 0.04. The connection itself, with whatever a URL asks of it
(TLS, password, database), is still made by redis-py; hiredis writes and reads the protocol, which is RESP 3.
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

#: Hears what Redis sends unasked, such as messages of channels: its kind, then what belongs to it.
OnPush = Callable[[list[Any]], None]

_NOT_ENOUGH = object()
#: Replies that one connection may owe: more, and Redis is so slow that nobody would wait for the last.
_OWED_MAX = 50_000
#: After a time-out is noticed: had the loop itself stood still, what came meanwhile is read before.
_SECOND_LOOK_S = 0.05
#: What a server says that will not do any more: another, or the same later, is to be asked.
_USELESS = ("LOADING", "READONLY")


def packed(*command: Any) -> bytes:
    """Return a command as it is sent."""
    data: bytes = hiredis.pack_command(command)
    return data


class MultiplexedConnection(asyncio.Protocol):
    """A connection that was taken over from redis-py once it stood; of one event loop."""

    @classmethod
    async def open(cls, redis: Redis, *, on_push: OnPush | None = None) -> Self:
        """Connect as the client would; the connection is lent for good, and closes with the client.

        Raises:
            RedisError, OSError: nothing answers there.
        """
        pool: Any = redis.connection_pool  # redis-py leaves some of it without types
        connection = await pool.get_connection()
        try:
            return cls(connection, pool=pool, on_push=on_push)
        except BaseException:
            await pool.release(connection)
            raise

    def __init__(self, connection: AbstractConnection, *, pool: Any, on_push: OnPush | None) -> None:
        #: Done once the connection is lost.
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection, self._pool, self._on_push = connection, pool, on_push
        self._silence_s: float = connection.socket_timeout or 1.0
        self._reader = hiredis.Reader(replyError=_reply_error, notEnoughData=_NOT_ENOUGH)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._outgoing: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0
        #: What goes next is the first that a reply is owed for.
        self._owes_nothing = True
        self._timer: asyncio.TimerHandle | None = None
        writer = connection._writer  # noqa: SLF001 - the one way to its transport
        assert writer is not None  # noqa: S101 - it has just been connected
        self._transport = writer.transport
        self._stream = self._transport.get_protocol()
        self._transport.set_protocol(self)

    async def close(self) -> None:
        """Give the connection up and its place in the pool back."""
        self._lose(RedisConnectionError("the connection to Redis was closed"))
        try:
            await self._connection.disconnect(nowait=True)
        finally:
            await self._pool.release(self._connection)

    def send(self, data: bytes) -> None:
        """Send a command that has no reply, such as SUBSCRIBE."""
        if not self._outgoing:
            # Not at once: what others of this turn of the loop send goes along, its replies too.
            self._loop.call_soon(self._flush)
        self._outgoing.append(data)

    def ask(self, data: bytes) -> "asyncio.Future[Any]":
        """Send a command; the future has its reply, or why there is none: `RedisError`."""
        reply: asyncio.Future[Any] = self._loop.create_future()
        if self.lost.done() or len(self._waiting) >= _OWED_MAX:
            why = "is lost" if self.lost.done() else f"owes {_OWED_MAX} replies"
            reply.set_exception(RedisConnectionError(f"the connection to Redis {why}"))
            return reply
        self._owes_nothing = self._owes_nothing or not self._waiting
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
            self._lose(RedisConnectionError(f"what Redis answers is no Redis protocol: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(RedisConnectionError(f"the connection to Redis is lost ({exc or 'closed by the server'})"))
        # redis-py waits for its own protocol to hear of it when it closes a connection.
        self._stream.connection_lost(exc)

    def _take(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            if self._on_push is not None:
                self._on_push(reply)
            return
        if not self._waiting:
            self._lose(RedisConnectionError(f"Redis answers what nobody asked: {str(reply)[:80]}"))
            return
        _settle(self._waiting.popleft(), reply)
        if isinstance(reply, ResponseError) and str(reply).startswith(_USELESS):
            self._lose(RedisConnectionError(str(reply)))

    def _flush(self) -> None:
        if not self.lost.done():
            self._transport.write(b"".join(self._outgoing))
            if self._owes_nothing:
                # Not from when it was asked: the turn of the loop that ends here may have been a long one.
                self._heard_at, self._owes_nothing = self._loop.time(), False
            if self._timer is None:
                self._timer = self._loop.call_later(self._silence_s, self._look)
        self._outgoing.clear()

    def _look(self, heard_at: float | None = None) -> None:
        """Give the connection up where Redis owes a reply and, at a second look, is still silent."""
        self._timer = None
        if not self._waiting:
            return
        left_s = self._heard_at + self._silence_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        elif heard_at != self._heard_at:
            self._timer = self._loop.call_later(_SECOND_LOOK_S, self._look, self._heard_at)
        else:
            self._lose(RedisTimeoutError(f"Redis has not answered for {self._silence_s:g} s"))

    def _lose(self, error: Exception) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
            self._transport.abort()
        while self._waiting:
            # Each its own: a shared one would gather the tracebacks of all.
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
