"""Sends the Redis commands that come up together, together: one round trip for many callers.

A connection a call costs more in Python than the call; and when ten thousand requests wake in one
moment, they would have to queue for connections, and most would be told that Redis does not answer.
While every lane is busy, what comes up is gathered for the next batch, so that batches grow with the load.
"""

import asyncio
import copy
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

log = logging.getLogger(__name__)

#: Batches under way at once, each on a connection of its own.
LANES = 8
BATCH_MAX = 256
#: A longer command goes alone: nobody waits behind an image.
LARGE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Call:
    command: tuple[Any, ...]
    reply: "asyncio.Future[Any]"

    @property
    def is_large(self) -> bool:
        return sum(len(word) for word in self.command if isinstance(word, bytes | str)) > LARGE_BYTES


class PipelinedRedis:
    """Commands over one client; safe to call from any task of one event loop.

    A caller that is cancelled leaves its command to run: a client that hangs up breaks no connection.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: deque[_Call] = deque()
        self._busy: set[asyncio.Task[None]] = set()
        self._is_starting = False

    async def execute(self, *command: Any) -> Any:
        """Return the reply to one command.

        Raises:
            RedisError, OSError: it was refused, or not answered in time; it may have been done all the same.
        """
        loop = asyncio.get_running_loop()
        call = _Call(command, loop.create_future())
        self._waiting.append(call)
        if not self._is_starting:
            # Not at once: others of this turn of the loop may come along.
            self._is_starting = True
            loop.call_soon(self._start)
        return await call.reply

    async def run(self, script: AsyncScript, args: Sequence[Any], *, names: Sequence[str] = ()) -> Any:
        """Return the reply of a script, which Redis is sent only where it does not know it."""
        rest = (len(names), *names, *args)
        try:
            return await self.execute("EVALSHA", script.sha, *rest)
        except NoScriptError:
            return await self.execute("EVAL", script.script, *rest)

    def _start(self) -> None:
        self._is_starting = False
        while self._waiting and len(self._busy) < LANES:
            task = asyncio.get_running_loop().create_task(self._send(self._take()))
            self._busy.add(task)
            task.add_done_callback(self._finish)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        self._busy.discard(task)
        self._start()

    def _take(self) -> list[_Call]:
        batch = [self._waiting.popleft()]
        if not batch[0].is_large:
            while self._waiting and len(batch) < BATCH_MAX and not self._waiting[0].is_large:
                batch.append(self._waiting.popleft())
        return batch

    async def _send(self, batch: list[_Call]) -> None:
        try:
            pipeline = self._redis.pipeline(transaction=False)
            for call in batch:
                pipeline.execute_command(*call.command)
            replies = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            _fail(batch, error)
            if isinstance(error, RedisTimeoutError):
                # A Redis that is frozen would let those that wait behind time out one batch after another.
                _fail(self._waiting, error)
                self._waiting.clear()
        except asyncio.CancelledError:
            for call in batch:
                call.reply.cancel()
            raise
        except Exception as error:
            # The callers' boundary: whatever it was, each of them is told, and none waits for ever.
            log.exception("a batch of Redis commands could not be sent")
            _fail(batch, error)
        else:
            _settle(batch, replies)


def _settle(batch: Sequence[_Call], replies: Sequence[Any]) -> None:
    for call, reply in zip(batch, replies, strict=True):
        if call.reply.done():
            continue
        if isinstance(reply, Exception):
            call.reply.set_exception(reply)
        else:
            call.reply.set_result(reply)


def _fail(calls: "Sequence[_Call] | deque[_Call]", error: Exception) -> None:
    for call in calls:
        if not call.reply.done():
            call.reply.set_exception(_again(error))


def _again(error: Exception) -> Exception:
    # Each its own: a shared one would gather the tracebacks of all. Some kinds cannot be copied.
    try:
        return copy.copy(error)
    except TypeError:
        return error
