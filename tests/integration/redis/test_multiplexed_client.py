"""Each caller of the multiplexed client gets the reply to its own command from a real Redis."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from common.redis.clients import open_async_redis, open_redis
from common.redis.multiplexed_client import LARGE_AT_ONCE, LARGE_BYTES, MultiplexedRedis
from local.servers.redis import RedisConfig, RedisServer
from tests.polling import block_loop, eventually_async, loop_turns


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(RedisConfig(tmp_path / "redis")) as server:
        yield server


@pytest.fixture
def observer(server: RedisServer) -> Iterator[BlockingRedis]:
    with open_redis(server.url) as client:
        yield client


@pytest_asyncio.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    client = open_async_redis(server.url)
    yield client
    await client.aclose()


@pytest.fixture
def redis(client: Redis) -> MultiplexedRedis:
    return MultiplexedRedis(client)


async def test_thousands_of_callers_get_their_own_replies_over_few_connections(
    redis: MultiplexedRedis, observer: BlockingRedis
) -> None:
    await asyncio.gather(*(redis.execute("SET", f"key:{n}", n) for n in range(5000)))

    replies = await asyncio.gather(*(redis.execute("GET", f"key:{n}") for n in range(5000)))

    assert [int(reply) for reply in replies] == list(range(5000))
    assert observer.info("clients")["connected_clients"] == 2


async def test_a_command_that_redis_refuses_fails_only_itself(redis: MultiplexedRedis) -> None:
    await redis.execute("SET", "text", "abc")

    replies = await asyncio.gather(
        redis.execute("GET", "text"),
        redis.execute("INCR", "text"),
        redis.execute("GET", "text"),
        return_exceptions=True,
    )

    assert replies[0] == replies[2] == b"abc"
    assert isinstance(replies[1], ResponseError)


async def test_an_unencodable_argument_fails_only_its_caller(redis: MultiplexedRedis) -> None:
    async with asyncio.timeout(10):
        replies = await asyncio.gather(
            redis.execute("GET", "text"), redis.execute("GET", "\ud800"), return_exceptions=True
        )

    assert replies[0] is None
    assert isinstance(replies[1], UnicodeEncodeError)
    assert await redis.execute("ECHO", "after") == b"after"


async def test_a_script_missing_in_redis_is_sent_again(
    redis: MultiplexedRedis, client: Redis, observer: BlockingRedis
) -> None:
    script = client.register_script("return ARGV[1]")
    assert await redis.run(script, ["one"]) == b"one"

    observer.script_flush()

    assert await redis.run(script, ["two"]) == b"two"


async def test_a_canceled_caller_does_not_shift_replies(redis: MultiplexedRedis) -> None:
    callers = [asyncio.ensure_future(redis.execute("ECHO", str(n))) for n in range(100)]
    await loop_turns()

    for caller in callers[::2]:
        caller.cancel()
    replies = await asyncio.gather(*callers, return_exceptions=True)

    assert replies[1::2] == [str(n).encode() for n in range(1, 100, 2)]
    assert all(isinstance(reply, asyncio.CancelledError) for reply in replies[::2])
    assert await redis.execute("ECHO", "after") == b"after"


async def test_later_commands_do_not_delay_earlier_ones(redis: MultiplexedRedis) -> None:
    await redis.execute("PING")

    first = asyncio.ensure_future(redis.execute("ECHO", "first"))
    later = []
    async with asyncio.timeout(10):
        while not first.done():
            later.append(asyncio.ensure_future(redis.execute("PING")))
            await loop_turns()

    assert await first == b"first"
    await asyncio.gather(*later)


async def test_large_and_small_commands_run_concurrently(redis: MultiplexedRedis) -> None:
    large = b"x" * (LARGE_BYTES * 20)

    lengths = await asyncio.gather(
        *(redis.execute("APPEND", f"key:{n}", large if n % 3 == 0 else b"small") for n in range(60))
    )

    assert lengths == [len(large) if n % 3 == 0 else 5 for n in range(60)]


async def test_large_commands_wait_for_a_free_connection(
    redis: MultiplexedRedis, observer: BlockingRedis
) -> None:
    image = b"x" * (LARGE_BYTES + 1)

    replies = await asyncio.gather(*(redis.execute("SET", f"image:{n}", image) for n in range(300)))

    assert len(replies) == 300
    assert observer.info("clients")["connected_clients"] <= LARGE_AT_ONCE + 3


async def test_a_large_command_completes_after_its_caller_is_canceled(
    redis: MultiplexedRedis, observer: BlockingRedis
) -> None:
    call = asyncio.ensure_future(redis.execute("SET", "image", b"x" * (LARGE_BYTES + 1)))
    await loop_turns()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    await eventually_async(lambda: observer.exists("image"), within_s=10)


async def test_lost_connections_release_their_slots(redis: MultiplexedRedis, observer: BlockingRedis) -> None:
    for number in range(100):
        await redis.execute("SET", "number", number)
        observer.client_kill_filter(_type="normal", skipme=True)
        await _until_lost(redis)

    assert await redis.execute("ECHO", "after") == b"after"


async def _until_lost(redis: MultiplexedRedis) -> None:
    """Send commands until the client notices that the connection is lost, and a new connection answers."""
    async with asyncio.timeout(10):
        while True:
            try:
                await redis.execute("PING")
            except (RedisError, OSError):
                continue
            return


async def test_a_blocked_event_loop_is_not_a_redis_timeout(redis: MultiplexedRedis) -> None:
    await redis.execute("PING")

    calls = [asyncio.ensure_future(redis.execute("ECHO", str(n))) for n in range(10)]
    # The event loop is blocked before the client sends the commands.
    block_loop(1.2)
    await loop_turns()
    calls += [asyncio.ensure_future(redis.execute("ECHO", str(n))) for n in range(10, 20)]
    await loop_turns()
    # The event loop is blocked while the client has replies to read.
    block_loop(1.2)

    assert await asyncio.gather(*calls) == [str(n).encode() for n in range(20)]


async def test_a_frozen_redis_fails_all_waiting_callers_and_recovers(
    redis: MultiplexedRedis, server: RedisServer
) -> None:
    await redis.execute("PING")
    assert server.pid is not None

    os.kill(server.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(3):
            replies = await asyncio.gather(
                *(redis.execute("GET", "key") for _ in range(5000)), return_exceptions=True
            )
    finally:
        os.kill(server.pid, signal.SIGCONT)

    assert all(isinstance(reply, RedisError | OSError) for reply in replies)
    assert await redis.execute("ECHO", "after") == b"after"


async def test_a_stopped_redis_is_an_error_and_a_restart_is_noticed(
    redis: MultiplexedRedis, tmp_path: Path, server: RedisServer
) -> None:
    await redis.execute("PING")
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])

    server.stop()
    with pytest.raises((RedisError, OSError)):
        await redis.execute("PING")

    async def answer() -> Any:
        try:
            return await redis.execute("ECHO", "after")
        except (RedisError, OSError):
            return None

    with RedisServer(RedisConfig(tmp_path / "another", port=port)):
        assert await eventually_async(answer, within_s=10) == b"after"
