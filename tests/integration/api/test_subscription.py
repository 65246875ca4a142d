"""Channel messages are received, and an unreadable message does not end the subscription."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from api.background.subscription import Subscription
from common.redis.clients import open_async_redis
from local.servers.redis import RedisServer


@pytest_asyncio.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client = open_async_redis(redis_server.url)
    yield client
    await client.aclose()


async def test_an_unreadable_message_is_logged_and_the_next_is_delivered(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    heard = asyncio.Queue[bytes]()

    def listen(message: bytes) -> None:
        heard.put_nowait(message.removeprefix(b"good "))
        if not message.startswith(b"good"):
            raise ValueError("junk")

    subscription = asyncio.create_task(Subscription(redis, {"channel": listen}).run())
    async with asyncio.timeout(10):
        while not await redis.publish("channel", "junk"):
            await asyncio.sleep(0.01)
        await redis.publish("channel", "good one")
        first, second = await heard.get(), await heard.get()
    subscription.cancel()

    assert (first, second) == (b"junk", b"one")
    assert "could not be read" in caplog.text
    assert "subscription is lost" not in caplog.text


async def test_a_lost_connection_is_reopened(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    heard = asyncio.Queue[bytes]()
    subscription = asyncio.create_task(Subscription(redis, {"channel": heard.put_nowait}).run())

    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(20):
            while not await redis.publish("channel", "one"):
                await asyncio.sleep(0.01)
            await redis.client_kill_filter(_type="pubsub")
            while not await redis.publish("channel", "two"):
                await asyncio.sleep(0.01)
            first, second = await heard.get(), await heard.get()
    subscription.cancel()

    assert (first, second) == (b"one", b"two")
    assert "subscription is lost" in caplog.text
