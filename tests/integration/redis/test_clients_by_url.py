"""Each form of Redis URL works in every client: blocking, asynchronous, multiplexed and Celery."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from common.broker.celery_app import make_celery
from common.redis import keyspace
from common.redis.clients import open_async_redis, open_redis
from common.redis.multiplexed_client import MultiplexedRedis
from common.redis.multiplexed_connection import MultiplexedConnection, pack_command
from common.settings import Settings, load_settings
from tests.integration.redis.server_variants import FORMS, PASSWORD, SPECIAL, Certificates, RedisFolder


@pytest.fixture(params=FORMS)
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, certificates: Certificates
) -> Iterator[Settings]:
    with ExitStack() as stack:
        url = FORMS[request.param](RedisFolder(tmp_path / "redis", certificates, stack))
        yield load_settings({"REDIS_URL": url, "CACHE_REDIS_URL": url})


async def test_every_client_reads_what_another_writes(settings: Settings) -> None:
    url = settings.cache_url.get_secret_value()
    asynchronous = open_async_redis(url)
    with open_redis(url) as blocking:
        blocking.set("written", "by the blocking client")

        direct = await asynchronous.get("written")
        shared = await MultiplexedRedis(asynchronous).execute("GET", "written")
        over_celery = await asyncio.to_thread(_by_kombu, settings, "written")
        databases = blocking.info("keyspace")
    await asynchronous.aclose()

    assert direct == shared == over_celery == b"by the blocking client"
    assert list(databases) == [f"db{_database(url)}"]


async def test_a_message_is_received_over_the_shared_connection(settings: Settings) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    asynchronous = open_async_redis(settings.redis_url.get_secret_value())
    connection = await MultiplexedConnection.open(asynchronous, on_push=heard.put_nowait)
    connection.send(pack_command("SUBSCRIBE", keyspace.EVENTS))
    subscribed = await asyncio.wait_for(heard.get(), 10)

    with open_redis(settings.redis_url.get_secret_value()) as blocking:
        blocking.publish(keyspace.EVENTS, "r1 running")
    message = await asyncio.wait_for(heard.get(), 10)
    await connection.close()
    await asynchronous.aclose()

    assert subscribed[0] == b"subscribe"
    assert message[1:] == [keyspace.EVENTS.encode(), b"r1 running"]


def test_a_celery_consumer_receives_a_celery_message(settings: Settings) -> None:
    app = make_celery(settings)
    taken: list[Any] = []

    def take(body: Any, message: Any) -> None:
        taken.append(body)
        message.ack()

    with app.connection_for_write() as connection:
        app.send_task(
            "embed", args=["i", "b"], queue=keyspace.BULK, ignore_result=True, connection=connection
        )
    with app.connection_for_read() as connection, connection.channel() as channel:
        consumer = app.amqp.TaskConsumer(channel, queues=[app.amqp.queues[keyspace.BULK]])
        consumer.register_callback(take)
        with consumer:
            connection.drain_events(timeout=20)

    assert taken[0][0] == ["i", "b"]


def test_the_password_of_the_broker_is_never_shown(settings: Settings) -> None:
    app = make_celery(settings)

    with app.connection_for_read() as connection:
        shown = connection.as_uri() + repr(connection)

    assert PASSWORD not in shown
    assert SPECIAL not in shown


def _by_kombu(settings: Settings, name: str) -> object:
    connection: Connection
    with make_celery(settings).connection_for_read() as connection:
        channel: Any = connection.default_channel
        with channel.conn_or_acquire() as client:
            return client.get(name)


def _database(url: str) -> int:
    with open_redis(url) as redis:
        return int(redis.connection_pool.connection_kwargs.get("db", 0))
