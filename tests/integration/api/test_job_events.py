"""An idle stream of job events sends comments to keep the connection alive."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from api.contract.public_metadata import PublicMetadata
from api.search.job_events import COMMENT_EVERY_S, stream_events
from api.search.waiters import Waiters
from common.ledger.gateway import GatewayLedger
from common.settings import load_settings
from local.servers.redis import RedisServer
from tests.ledgers import OWNER, gateway_ledger, text_submission


@pytest.fixture
def ledger(async_redis: Redis, redis_server: RedisServer) -> GatewayLedger:
    return gateway_ledger(async_redis, load_settings({"REDIS_URL": redis_server.url}))


async def events(ledger: GatewayLedger, *, comment_every_s: float) -> AsyncIterator[bytes]:
    accepted = await ledger.submit(text_submission("fog", job_id="1" * 32))
    job, _ = await ledger.job(accepted.job_id, owner=OWNER)
    waiters = Waiters(ledger)
    async for event in stream_events(
        job,
        owner=OWNER,
        ledger=ledger,
        waiters=waiters,
        path_prefix="",
        metadata=PublicMetadata(),
        comment_every_s=comment_every_s,
    ):
        yield event


async def test_a_waiting_job_sends_one_event_and_then_comments(ledger: GatewayLedger) -> None:
    stream = events(ledger, comment_every_s=0)

    heard = [await anext(stream) for _ in range(3)]

    assert heard[0].startswith(b"event: queued\ndata: {")
    assert heard[1:] == [b": still here\n\n"] * 2


async def test_a_job_that_ends_soon_sends_no_comment(ledger: GatewayLedger) -> None:
    stream = events(ledger, comment_every_s=3600)

    first = await anext(stream)
    await ledger.cancel("1" * 32, owner=OWNER)
    rest = [event async for event in stream]

    assert first.startswith(b"event: queued\n")
    assert [event.partition(b"\n")[0] for event in rest] == [b"event: canceled"]


def test_the_comment_interval_is_the_documented_one() -> None:
    assert pytest.approx(15) == COMMENT_EVERY_S
