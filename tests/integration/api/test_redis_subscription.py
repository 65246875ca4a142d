"""A subscription receives the messages of its channel, and survives an unreadable message."""

import asyncio
import logging

import pytest
from redis.asyncio import Redis

from api.background.redis_subscription import Subscription
from tests.polling import eventually_async


async def test_an_unreadable_message_is_logged_and_the_next_is_delivered(
    async_redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    heard = asyncio.Queue[bytes]()

    def listen(message: bytes) -> None:
        heard.put_nowait(message.removeprefix(b"good "))
        if not message.startswith(b"good"):
            raise ValueError("junk")

    subscription = asyncio.create_task(Subscription(async_redis, {"channel": listen}).run())
    async with asyncio.timeout(10):
        await eventually_async(lambda: async_redis.publish("channel", "junk"))
        await async_redis.publish("channel", "good one")
        first, second = await heard.get(), await heard.get()
    subscription.cancel()

    assert (first, second) == (b"junk", b"one")
    assert "could not be read" in caplog.text
    assert "subscription is lost" not in caplog.text


async def test_a_lost_connection_is_reopened(async_redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    heard = asyncio.Queue[bytes]()
    subscription = asyncio.create_task(Subscription(async_redis, {"channel": heard.put_nowait}).run())

    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(20):
            await eventually_async(lambda: async_redis.publish("channel", "one"))
            await async_redis.client_kill_filter(_type="pubsub")
            await eventually_async(lambda: async_redis.publish("channel", "two"))
            first, second = await heard.get(), await heard.get()
    subscription.cancel()

    assert (first, second) == (b"one", b"two")
    assert "subscription is lost" in caplog.text
