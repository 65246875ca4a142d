"""Schedules pipelined requests, which a client sends before it has received the previous answer."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

#: After spending this number of seconds of CPU time on pipelined requests, the scheduler pauses for the same
#: time, so that pipelined requests use at most half of the process's time. Elapsed time is not counted,
#: because after a minute without the CPU, pipelined requests would wait for another minute.
TIME_SLICE_S = 0.001


class PipelineScheduler:
    """Starts one pipelined request in each iteration of the event loop.

    Without this scheduler, fifty connections with pipelined requests would start fifty requests in each
    iteration, ahead of the requests of all other clients.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._spent_s = 0.0

    def schedule(self, start: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        """Call `start` after all callbacks that were scheduled earlier."""
        self._waiting.append(start)
        if len(self._waiting) == 1:
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        began = time.thread_time()
        try:
            self._waiting[0]()
        finally:
            # `_continue` runs after the callbacks that `start` has scheduled.
            loop.call_soon(self._continue, loop, began)

    def _continue(self, loop: asyncio.AbstractEventLoop, began: float) -> None:
        self._waiting.popleft()
        self._spent_s += time.thread_time() - began
        if not self._waiting:
            return
        if self._spent_s < TIME_SLICE_S:
            loop.call_soon(self._next, loop)
        else:
            loop.call_later(self._spent_s, self._next, loop)
            self._spent_s = 0.0
