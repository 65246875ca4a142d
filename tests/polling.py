"""Functions for waiting in tests: poll a condition until a deadline, or let time pass."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

WITHIN_S = 60.0
_EVERY_S = 0.01


def eventually(
    met: Callable[[], T | None],
    *,
    within_s: float = WITHIN_S,
    describe: Callable[[], object] = lambda: None,
) -> T:
    """Poll until `met` returns a true value, and return the value; fail at the deadline with `describe()`."""
    deadline = time.monotonic() + within_s
    while not (found := met()):
        assert time.monotonic() < deadline, describe()
        time.sleep(_EVERY_S)
    return found


@overload
async def eventually_async(
    met: Callable[[], Awaitable[T | None]], *, within_s: float = ..., describe: Callable[[], object] = ...
) -> T: ...
@overload
async def eventually_async(
    met: Callable[[], T | None], *, within_s: float = ..., describe: Callable[[], object] = ...
) -> T: ...
async def eventually_async(
    met: Callable[[], object], *, within_s: float = WITHIN_S, describe: Callable[[], object] = lambda: None
) -> object:
    """Poll like `eventually` without blocking the event loop; `met` may be a coroutine function."""
    deadline = time.monotonic() + within_s
    while True:
        found = met()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, describe()
        await asyncio.sleep(_EVERY_S)


async def time_passes(seconds: float) -> None:
    """Let time pass, for tests in which something expires or ages."""
    await asyncio.sleep(seconds)


async def loop_turns() -> None:
    """Let every ready task of the event loop run once."""
    await asyncio.sleep(0)


def block_loop(seconds: float) -> None:
    """Block the event loop, for tests of a process that cannot run for a while."""
    time.sleep(seconds)
