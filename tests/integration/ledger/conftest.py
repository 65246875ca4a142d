"""Fixtures of the gateway's and the worker's ledger on a real Redis."""

from collections.abc import Callable
from functools import partial

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from common.ledger.gateway import GatewayLedger
from common.ledger.records import Submission
from common.ledger.worker import WorkerLedger
from common.settings import Settings, load_settings
from local.servers.redis import RedisServer
from tests.ledgers import gateway_ledger, text_submission, worker_ledger

MakeSettings = Callable[..., Settings]


@pytest.fixture
def make_settings(redis: Redis, redis_server: RedisServer) -> MakeSettings:
    def make(**changes: str) -> Settings:
        return load_settings({"REDIS_URL": redis_server.url, **changes})

    return make


@pytest.fixture
def make_gateway(async_redis: AsyncRedis) -> Callable[[Settings], GatewayLedger]:
    return partial(gateway_ledger, async_redis)


@pytest.fixture
def make_worker(redis: Redis) -> Callable[..., WorkerLedger]:
    def make(settings: Settings, worker_id: str = "w1") -> WorkerLedger:
        return worker_ledger(redis, settings, worker_id=worker_id)

    return make


@pytest.fixture
def submission() -> Callable[..., Submission]:
    return text_submission
