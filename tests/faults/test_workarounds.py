"""Tests of our workarounds for faults of Celery, kombu and redis-py."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.faults.catalog_server import CatalogServer
from benchmarks.faults.clients import Submitted, submit, submit_all, texts, until_answered
from benchmarks.faults.rig import eventually, open_rig
from benchmarks.faults.tcp_proxy import TcpProxy
from common.broker.celery_app import make_celery, message_template
from common.redis import keyspace
from common.redis.clients import open_async_redis, open_redis
from common.settings import load_settings
from local.servers.redis import RedisServer
from tests.polling import time_passes


# kombu removes a message from the list with BRPOP. If the worker is killed before kombu records the message
# as unacknowledged, the message is lost (kombu #305, celery #4354). The ledger's sweeper sends the message
# again.
async def test_a_message_that_a_killed_worker_had_received_is_sent_again(
    catalog_server: CatalogServer, tmp_path: Path
) -> None:
    async with open_rig(catalog_server, tmp_path) as rig:
        worker, submitted = rig.workers[0], Submitted()
        await until_answered(rig, "consuming", within_s=20)
        for attempt in range(5):
            # A frozen worker's BRPOP still receives a message until its block time of 1 s ends.
            os.kill(worker.pid or 0, signal.SIGSTOP)
            await submit(rig.http, f"lost by kombu {attempt}", submitted)
            if await eventually(lambda: rig.redis.llen(keyspace.QUEUE) == 0, within_s=1):
                break
            os.kill(worker.pid or 0, signal.SIGCONT)
            await rig.drained(within_s=10)
        taken = rig.redis.llen(keyspace.QUEUE) == 0
        worker.kill()

        await rig.add_worker()
        await rig.drained(within_s=20)
        found = await rig.audit(submitted.ids)

        assert taken
        assert set(found.ends) == {"succeeded"}


# Celery is pinned to 5.6.3, because 5.7.0 exits when Redis disconnects during a late-acknowledged task.
# Celery 5.6.3 exits too (celery #7185) if it uses worker_cancel_long_running_tasks_on_connection_loss and the
# threads pool.
async def test_a_worker_survives_a_redis_restart_during_a_job(
    catalog_server: CatalogServer, tmp_path: Path
) -> None:
    async with open_rig(catalog_server, tmp_path, FIXED_LATENCY_MS="3000") as rig:
        worker, pid = rig.workers[0], rig.workers[0].pid
        submitted = await submit_all(rig, texts("outlives", 3))
        assert await eventually(lambda: bool(rig.redis.zcard(keyspace.RUNNING)), within_s=10)

        os.kill(rig.redis_server.pid or 0, signal.SIGKILL)
        # The worker notices the outage.
        await time_passes(1)
        await asyncio.to_thread(rig.restart_redis)
        await rig.drained(within_s=30)
        found = await rig.audit(submitted.ids)

        assert worker.running
        assert worker.pid == pid
        assert found.ends == {"succeeded": 3}


@pytest_asyncio.fixture
async def breaking_proxy(redis_server: RedisServer) -> AsyncIterator[TcpProxy]:
    """A proxy to Redis that breaks the connection after each write, so that the reply is lost."""
    with open_redis(redis_server.url) as redis:
        redis.flushall()
    async with TcpProxy("127.0.0.1", urlsplit(redis_server.url).port or 0) as proxy:
        proxy.hang_up_on = b"RPUSH"
        yield proxy


def arrived(redis_server: RedisServer) -> int:
    """Return the number of writes that Redis has executed."""
    with open_redis(redis_server.url) as redis:
        return int(str(redis.llen("writes")))


# redis-py 8.1 repeats a command, even a write, up to ten times when its connection breaks.
async def test_a_worker_does_not_repeat_a_write_whose_reply_is_lost(
    breaking_proxy: TcpProxy, redis_server: RedisServer
) -> None:
    with open_redis(f"redis://127.0.0.1:{breaking_proxy.port}/0") as redis, pytest.raises(RedisError):
        await asyncio.to_thread(redis.rpush, "writes", "one")

    assert arrived(redis_server) == 1


async def test_a_gateway_does_not_repeat_a_write_whose_reply_is_lost(
    breaking_proxy: TcpProxy, redis_server: RedisServer
) -> None:
    redis = open_async_redis(f"redis://127.0.0.1:{breaking_proxy.port}/0")
    with pytest.raises(RedisError):
        await redis.rpush("writes", "one")
    await redis.aclose()

    assert arrived(redis_server) == 1


async def test_redis_py_repeats_such_a_write_by_default(
    breaking_proxy: TcpProxy, redis_server: RedisServer
) -> None:
    with Redis(port=breaking_proxy.port) as redis, pytest.raises(RedisError):
        await asyncio.to_thread(redis.rpush, "writes", "one")

    assert arrived(redis_server) > 1, (
        "redis-py no longer repeats writes: our clients need no special settings"
    )


# kombu's publish blocks for as long as Redis is frozen, so the gateway publishes with its own time limit.
async def test_a_submit_to_a_frozen_redis_is_refused_and_not_repeated(
    catalog_server: CatalogServer, tmp_path: Path
) -> None:
    async with open_rig(catalog_server, tmp_path, workers=0) as rig:
        pid = rig.redis_server.pid or 0
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            submitted = await submit_all(rig, ["frozen"])
        finally:
            os.kill(pid, signal.SIGCONT)
        thawed = time.monotonic()
        await eventually(lambda: bool(rig.redis.ping()), within_s=10)

        assert [refusal.status for refusal in submitted.refusals] == [503]
        assert thawed - began < rig.settings.job_deadline_s
        assert int(str(rig.redis.llen(keyspace.QUEUE))) <= 1


# There is no result backend, because AsyncResult.__del__ can deadlock a publish (celery #10477). No message
# has a countdown, because kombu sends delayed messages again after its visibility timeout (kombu #337). A
# worker retries the connection to its broker forever, although Celery's default is 100 retries.
def test_the_queue_avoids_known_celery_faults() -> None:
    app = make_celery(load_settings({}))

    assert app.conf.task_ignore_result
    assert type(app.backend).__name__ == "DisabledBackend"
    assert '"eta":null' in message_template(app)
    assert app.conf.broker_connection_max_retries is None
