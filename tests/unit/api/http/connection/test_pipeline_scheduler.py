"""The pipelined requests of one connection start one after another."""

import asyncio
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from api.http.connection.pipeline_scheduler import PipelineScheduler
from tests.polling import eventually_async, loop_turns


async def test_one_request_starts_per_event_loop_round() -> None:
    loop, scheduler = asyncio.get_running_loop(), PipelineScheduler()
    happened: list[str] = []

    for number in range(3):
        scheduler.schedule(lambda number=number: happened.append(f"ahead {number}"), loop)  # type: ignore[misc]
    for number in range(20):
        loop.call_soon(happened.append, f"other {number}")
        await loop_turns()
    await eventually_async(lambda: len(happened) == 23)

    ahead = [place for place, name in enumerate(happened) if name.startswith("ahead")]
    assert [happened[place] for place in ahead] == ["ahead 0", "ahead 1", "ahead 2"]
    assert all(later - earlier > 1 for earlier, later in pairwise(ahead))


def fail() -> None:
    raise IndexError


async def test_a_failed_request_does_not_stop_later_ones() -> None:
    loop, scheduler = asyncio.get_running_loop(), PipelineScheduler()
    failures: list[object] = []
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    done = asyncio.Event()

    scheduler.schedule(fail, loop)
    scheduler.schedule(done.set, loop)

    await asyncio.wait_for(done.wait(), 5)
    assert [type(failure) for failure in failures] == [IndexError]


class RecordingLoop:
    """An event loop that records the delays of delayed calls."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.delays_s: list[float] = []

    def call_soon(self, callback: Callable[..., object], *arguments: object) -> None:
        self._loop.call_soon(callback, *arguments)

    def call_later(self, delay_s: float, callback: Callable[..., object], *arguments: object) -> None:
        self.delays_s.append(delay_s)
        self._loop.call_soon(callback, *arguments)


async def test_requests_do_not_pause_for_time_without_the_cpu() -> None:
    loop: Any = RecordingLoop()
    scheduler = PipelineScheduler()
    without_cpu_s = 0.5
    done = asyncio.Event()

    def wait() -> None:
        # Waiting takes elapsed time without CPU time, as if the machine had stopped the process.
        threading.Event().wait(without_cpu_s)

    scheduler.schedule(wait, loop)
    scheduler.schedule(done.set, loop)
    await asyncio.wait_for(done.wait(), 5)

    assert max(loop.delays_s, default=0.0) < without_cpu_s / 2
