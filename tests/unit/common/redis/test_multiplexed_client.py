"""When a connection fails, every caller that waits for a reply on this connection gets an error."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.redis.clients import open_async_redis
from common.redis.multiplexed_client import MultiplexedRedis
from tests.polling import time_passes

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
COUNT = 50
SILENCE_S = 0.2


@asynccontextmanager
async def server(on_get: Answer) -> AsyncIterator[MultiplexedRedis]:
    """Run a server that greets like Redis, and calls `on_get` once all commands have arrived."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = 0
        while data := await reader.read(1 << 16):
            asked += data.count(b"GET")
            if asked == COUNT:
                await on_get(writer)
            elif not asked:
                writer.write(b"+OK\r\n" * data.count(b"*"))
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        client = open_async_redis(f"redis://127.0.0.1:{port}", socket_timeout_s=SILENCE_S)
        try:
            yield MultiplexedRedis(client)
        finally:
            await client.aclose()
            async with asyncio.timeout(10):
                await ended.wait()


async def ask(redis: MultiplexedRedis) -> list[object]:
    async with asyncio.timeout(10):
        calls = (redis.execute("GET", n) for n in range(COUNT))
        replies: list[object] = await asyncio.gather(*calls, return_exceptions=True)
    return replies


async def test_a_reply_that_is_not_resp_fails_every_caller() -> None:
    async def babble(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n")

    async with server(babble) as redis:
        replies = await ask(redis)

    assert {type(reply) for reply in replies} == {RedisConnectionError}
    assert "does not follow the Redis protocol" in str(replies[0])


async def test_a_closed_connection_fails_every_caller_without_a_reply() -> None:
    async def answer_three(writer: asyncio.StreamWriter) -> None:
        writer.write(b"$1\r\na\r\n" * 3)
        await writer.drain()
        writer.close()

    async with server(answer_three) as redis:
        replies = await ask(redis)

    assert replies[:3] == [b"a"] * 3
    assert {type(reply) for reply in replies[3:]} == {RedisConnectionError}
    assert len({id(reply) for reply in replies[3:]}) == COUNT - 3


async def test_a_silent_server_times_out_and_a_slow_one_does_not() -> None:
    async def be_slow(writer: asyncio.StreamWriter) -> None:
        for _ in range(COUNT - 1):
            writer.write(b"$1\r\na\r\n")
            await time_passes(SILENCE_S / 10)

    async with server(be_slow) as redis:
        replies = await ask(redis)

    assert replies[:-1] == [b"a"] * (COUNT - 1)
    assert isinstance(replies[-1], RedisTimeoutError)


async def test_a_refused_connection_fails_every_caller() -> None:
    client = open_async_redis("redis://127.0.0.1:1", socket_timeout_s=SILENCE_S)

    replies = await ask(MultiplexedRedis(client))
    await client.aclose()

    assert all(isinstance(reply, RedisError | OSError) for reply in replies)


@pytest.mark.parametrize("reply", [b"-ERR no\r\n", b"*1\r\n-ERR no\r\n"])
async def test_an_error_reply_is_returned_in_its_place(reply: bytes) -> None:
    async def refuse(writer: asyncio.StreamWriter) -> None:
        writer.write(reply * COUNT)

    async with server(refuse) as redis:
        (first, *_) = await ask(redis)

    refusal = first[0] if isinstance(first, list) else first
    assert isinstance(refusal, RedisError)
    assert str(refusal) == "ERR no"


async def test_an_unexpected_reply_ends_the_connection() -> None:
    async def answer_more(writer: asyncio.StreamWriter) -> None:
        writer.write(b"$1\r\na\r\n" * (COUNT + 1))

    async with server(answer_more) as redis:
        first, on_another_connection = await ask(redis), await ask(redis)

    assert first == on_another_connection == [b"a"] * COUNT


@pytest.mark.parametrize("word", ["LOADING", "READONLY"])
async def test_a_loading_or_read_only_server_is_disconnected(word: str) -> None:
    async def refuse(writer: asyncio.StreamWriter) -> None:
        writer.write(f"-{word} later\r\n".encode())

    async with server(refuse) as redis:
        replies = await ask(redis)

    assert word in str(replies[0])
    assert {type(reply) for reply in replies[1:]} == {RedisConnectionError}
