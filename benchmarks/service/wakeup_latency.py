"""Measure the time from storing a result to the client's response, for waiting and for polling clients."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Iterator

from benchmarks.clients.http_client import Connection, get, text_search
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.harness.stack import FIXED, open_stack
from benchmarks.service.stand_in_worker import StandInWorker

NAMES = ("wait.wakeup_ms_p50",)
POLL_EVERY_S = 0.1
LEAST_RATIO = 10.0
#: The range of a run's duration in seconds; the random duration makes runs end at any moment between polls.
RUN_S = (0.1, 0.3)


def measure(bench: Bench) -> Iterator[Figure]:
    """Alternately wait and poll for a result; a stand-in worker ends the runs."""
    with open_stack(bench, workers=0, environ=FIXED) as stack, StandInWorker(stack.redis.url) as worker:
        waits, polls = asyncio.run(_in_turns(stack.url, worker, rounds=bench.pick(100, 10)))
    wait, poll = statistics.median(waits), statistics.median(polls)
    note = (
        f"median of {len(waits)}, p99 {sorted(waits)[int(len(waits) * 0.99) - 1]:.2f} ms, including "
        f"storing the result; polling every 100 ms takes {poll:.1f} ms, {poll / wait:.0f} times as long"
    )
    yield Figure("wait.wakeup_ms_p50", wait, note, holds=poll / wait >= LEAST_RATIO)


async def _in_turns(url: str, worker: StandInWorker, *, rounds: int) -> tuple[list[float], list[float]]:
    draw = random.Random(3)
    connection = await Connection.open(url)
    waits, polls = [], []
    for number in range(rounds):
        waits.append(await _waiting(connection, worker, f"wait {number}", draw.uniform(*RUN_S)))
        polls.append(await _polling(connection, worker, f"poll {number}", draw.uniform(*RUN_S)))
    connection.close()
    return waits, polls


async def _waiting(connection: Connection, worker: StandInWorker, text: str, run_s: float) -> float:
    """Return the milliseconds from storing the result to the answer of the waiting request."""
    ending = asyncio.create_task(asyncio.to_thread(_end_next, worker, run_s))
    answer = await connection.ask(text_search(text, wait=30))
    stored_at = await ending
    if answer.status != 200:
        raise RuntimeError(f"not answered: {answer.body!r}")
    return (answer.received_at - stored_at) * 1000


async def _polling(connection: Connection, worker: StandInWorker, text: str, run_s: float) -> float:
    """Return the milliseconds from storing the result to the answer of the first poll that has the result."""
    ending = asyncio.create_task(asyncio.to_thread(_end_next, worker, run_s))
    submitted = await connection.ask(text_search(text, headers="Prefer: respond-async\r\n"))
    path = json.loads(submitted.body)["urls"]["get"]
    while True:
        answer = await connection.ask(get(path))
        if json.loads(answer.body)["status"] == "succeeded":
            return (answer.received_at - await ending) * 1000
        await asyncio.sleep(POLL_EVERY_S)


def _end_next(worker: StandInWorker, run_s: float) -> float:
    """Claim the next run and end it after `run_s` seconds; return the time at which its result was stored."""
    while not (waiting := worker.queued()):
        time.sleep(0.002)
    worker.claim(waiting[0])
    time.sleep(run_s)
    return worker.succeed(waiting[0])
