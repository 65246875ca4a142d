"""The order in which requests start that were sent before the answer to the one before them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

#: After so much time with such requests as much passes without: they take half of a process at most.
STRETCH_S = 0.001


class Turns:
    """Start one of them in each round of the event loop.

    Fifty connections with requests in line would else put fifty requests before everybody else's in each
    round, and an answer takes several rounds.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._spent_s = 0.0

    def take(self, start: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        """Call `start` when its turn has come."""
        self._waiting.append(start)
        if len(self._waiting) == 1:
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        began = time.perf_counter()
        try:
            self._waiting[0]()
        finally:
            # What it has started runs before this.
            loop.call_soon(self._pass_on, loop, began)

    def _pass_on(self, loop: asyncio.AbstractEventLoop, began: float) -> None:
        self._waiting.popleft()
        self._spent_s += time.perf_counter() - began
        if not self._waiting:
            return
        if self._spent_s < STRETCH_S:
            loop.call_soon(self._next, loop)
        else:
            loop.call_later(self._spent_s, self._next, loop)
            self._spent_s = 0.0
