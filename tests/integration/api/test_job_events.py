"""A stream of events on which nothing happens says from time to time that it is still there."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis import Redis

from api.search.job_events import COMMENT_EVERY_S, stream_events
from api.search.waiters import Waiters
from common.broker.celery_app import make_celery, message_template
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Submission
from common.queries import SearchQuery, TextPart, query_to_json
from common.redis.clients import open_async_redis
from common.settings import load_settings
from local.servers.redis import RedisServer

OWNER = "anonymous"


@pytest_asyncio.fixture
async def ledger(redis: Redis, redis_server: RedisServer) -> AsyncIterator[GatewayLedger]:
    settings = load_settings({"REDIS_URL": redis_server.url})
    client = open_async_redis(redis_server.url)
    yield GatewayLedger(client, settings=settings, template=message_template(make_celery(settings)))
    await client.aclose()


async def events(ledger: GatewayLedger, *, comment_every_s: float) -> AsyncIterator[bytes]:
    wire = query_to_json(SearchQuery((TextPart("fog"),)))
    accepted = await ledger.submit(Submission("1" * 32, owner=OWNER, query=wire, query_key="k", contents=()))
    job, _ = await ledger.job(accepted.job_id, owner=OWNER)
    waiters = Waiters(ledger)
    async for event in stream_events(
        job, owner=OWNER, ledger=ledger, waiters=waiters, path_prefix="", comment_every_s=comment_every_s
    ):
        yield event


async def test_a_job_that_only_waits_is_told_of_once_and_then_by_comments(ledger: GatewayLedger) -> None:
    stream = events(ledger, comment_every_s=0)

    heard = [await anext(stream) for _ in range(3)]

    assert heard[0].startswith(b"event: queued\ndata: {")
    assert heard[1:] == [b": still here\n\n"] * 2


async def test_a_job_that_ends_between_comments_needs_none(ledger: GatewayLedger) -> None:
    stream = events(ledger, comment_every_s=3600)

    first = await anext(stream)
    await ledger.cancel("1" * 32, owner=OWNER)
    rest = [event async for event in stream]

    assert first.startswith(b"event: queued\n")
    assert [event.partition(b"\n")[0] for event in rest] == [b"event: canceled"]


def test_the_interval_is_the_documented_one() -> None:
    assert pytest.approx(15) == COMMENT_EVERY_S
