"""A ledger on the real Redis, for gateway and worker."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from redis import Redis

from common.broker.celery_app import make_celery, message_template
from common.cache import content_hashes
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Submission
from common.ledger.worker import WorkerLedger
from common.queries import SearchQuery, TextPart, query_key, query_to_json
from common.redis.clients import open_async_redis, open_redis
from common.settings import Settings, load_settings
from local.servers.redis import RedisServer

MakeSettings = Callable[..., Settings]


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with open_redis(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def make_settings(redis: Redis, redis_url: str) -> MakeSettings:
    def make(**changes: str) -> Settings:
        return load_settings({"REDIS_URL": redis_url, **changes})

    return make


@pytest_asyncio.fixture
async def make_gateway(redis_url: str) -> AsyncIterator[Callable[[Settings], GatewayLedger]]:
    client = open_async_redis(redis_url)

    def make(settings: Settings) -> GatewayLedger:
        return GatewayLedger(client, settings=settings, template=message_template(make_celery(settings)))

    yield make
    await client.aclose()


@pytest.fixture
def make_worker(redis: Redis) -> Callable[..., WorkerLedger]:
    def make(settings: Settings, worker_id: str = "w1") -> WorkerLedger:
        template = message_template(make_celery(settings))
        return WorkerLedger(redis, settings=settings, template=template, worker_id=worker_id)

    return make


@pytest.fixture
def submission() -> Callable[..., Submission]:
    def make(words: str = "red", **changes: object) -> Submission:
        query = SearchQuery((TextPart(words),))
        fields: dict[str, object] = {
            "job_id": secrets.token_hex(16),
            "owner": "anonymous",
            "query": query_to_json(query),
            "query_key": query_key(query, model="m", catalog_version="1"),
            "contents": content_hashes(query),
        }
        return Submission(**(fields | changes))  # type: ignore[arg-type]

    return make
