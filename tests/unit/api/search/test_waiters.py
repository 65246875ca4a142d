"""A waiting request gets the run's result from the run's final event, or otherwise from the ledger."""

import asyncio

import orjson
import pytest

from api.search.waiters import Waiters
from common.ledger.gateway import GatewayLedger
from common.ledger.records import RunAnswer
from common.redis.clients import open_async_redis
from common.settings import Settings
from tests.polling import loop_turns

ANSWER = RunAnswer(b'{"job_id":null}', {"total": 1.5})
SUCCEEDED = b"run-1 succeeded " + orjson.dumps(ANSWER.timings) + b"\n" + ANSWER.result


@pytest.fixture
def waiters() -> Waiters:
    # This ledger has no Redis server, because these tests never read the ledger.
    return Waiters(GatewayLedger(open_async_redis("redis://127.0.0.1:1"), settings=Settings(), template=""))


async def never() -> None:
    await asyncio.Event().wait()


async def waited_for(waiters: Waiters, *events: bytes, wait_s: float = 10) -> RunAnswer | None:
    waiter = asyncio.create_task(waiters.until_ended("run-1", "job-1", timeout_s=wait_s, client_gone=never))
    await loop_turns()
    for event in events:
        waiters.on_event(event)
    return await waiter


async def test_the_success_event_carries_the_answer(waiters: Waiters) -> None:
    assert await waited_for(waiters, b"run-1 running", SUCCEEDED) == ANSWER
    assert len(waiters) == 0


@pytest.mark.parametrize(
    "event", [b"run-1 failed", b"run-1 canceled", b"run-1 succeeded", b"job:job-1 canceled"]
)
async def test_after_any_other_final_event_the_ledger_is_read(waiters: Waiters, event: bytes) -> None:
    assert await waited_for(waiters, event) is None


async def test_unrelated_events_do_not_end_the_wait(waiters: Waiters) -> None:
    assert await waited_for(waiters, b"run-1 running", b"run-2 failed", wait_s=0.05) is None


async def test_after_an_event_before_the_wait_the_ledger_is_read(waiters: Waiters) -> None:
    waiters.on_event(SUCCEEDED)

    assert await waited_for(waiters) is None
