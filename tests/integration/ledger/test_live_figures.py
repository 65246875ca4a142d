"""The overview of the ledger: queued runs by kind, parked runs, ages, bytes and workers."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from common.ledger.gateway import GatewayLedger
from common.ledger.live_figures import Overview
from common.ledger.records import Submission
from common.ledger.worker import WorkerLedger
from common.redis import keyspace
from common.search_query import AlbumPart, ImagePart, SearchQuery, TextPart, image_digest
from common.settings import Settings
from tests.ledgers import submission_of, text_submission

MakeSettings = Callable[..., Settings]
MakeGateway = Callable[[Settings], GatewayLedger]
MakeWorker = Callable[..., WorkerLedger]

IMAGE = b"x" * 1000
DIGEST = image_digest(IMAGE)


@pytest.fixture
def gateway(make_settings: MakeSettings, make_gateway: MakeGateway) -> GatewayLedger:
    return make_gateway(make_settings())


@pytest.fixture
def worker(make_settings: MakeSettings, make_worker: MakeWorker) -> WorkerLedger:
    return make_worker(make_settings())


def numbered(number: int, *parts: TextPart | ImagePart | AlbumPart, **changes: Any) -> Submission:
    """Return a search; searches with different numbers have different query keys."""
    return submission_of(SearchQuery(parts), query_key=f"key-{number}", **changes)


def image_search(number: int, **changes: Any) -> Submission:
    digest = image_digest(bytes([number]) * 1000)
    images = ((digest, bytes([number]) * 1000),)
    return numbered(number, ImagePart(digest), images=images, **changes)


async def test_queued_runs_are_counted_by_kind(gateway: GatewayLedger) -> None:
    await gateway.submit(numbered(1, TextPart("red")))
    await gateway.submit(numbered(2, TextPart("blue")))
    await gateway.submit(image_search(3))
    await gateway.submit(numbered(4, TextPart("red"), AlbumPart("7")))
    await gateway.submit(numbered(5, AlbumPart("7")))

    overview = await gateway.overview()

    assert overview.queued == 5
    assert overview.queued_by_kind == {"text": 2, "image": 1, "composed": 1, "album": 1}
    assert overview.parked == overview.running == 0
    assert overview.image_bytes == 1000
    assert overview.oldest_age_s is not None


async def test_a_text_that_looks_like_a_query_does_not_change_its_kind(
    gateway: GatewayLedger, redis: Redis
) -> None:
    accepted = await gateway.submit(text_submission('", "type": "image", "x": "'))
    redis.hdel(keyspace.RUN + accepted.run_id, "kind")

    assert (await gateway.overview()).queued_by_kind == {"text": 1}


async def test_a_run_that_an_older_gateway_wrote_has_the_kind_of_its_query(
    gateway: GatewayLedger, redis: Redis
) -> None:
    accepted = await gateway.submit(numbered(1, TextPart("red"), AlbumPart("7")))
    redis.hdel(keyspace.RUN + accepted.run_id, "kind")

    assert (await gateway.overview()).queued_by_kind == {"composed": 1}


async def test_parked_images_are_counted_apart(gateway: GatewayLedger) -> None:
    for number in range(1, 5):
        await gateway.submit(image_search(number, client="a client", decode_cost_s=0.2))

    overview = await gateway.overview()

    assert (overview.queued, overview.parked) == (1, 3)
    assert overview.queued_by_kind == {"image": 1}
    assert overview.oldest_parked_age_s is not None
    assert (await gateway.load()).queued == overview.queued + overview.parked


async def test_an_idle_service_has_no_ages_and_no_rate(gateway: GatewayLedger) -> None:
    overview = await gateway.overview()

    assert (overview.queued, overview.queued_by_kind) == (0, {})
    assert overview.oldest_age_s is overview.oldest_parked_age_s is overview.service_rate is None


async def test_running_runs_and_the_service_rate_are_told(
    gateway: GatewayLedger, worker: WorkerLedger, redis: Redis
) -> None:
    accepted = await gateway.submit(text_submission())
    worker.claim(accepted.run_id)
    worker.renew({"id": "w1", "ready": True}, ttl_s=10, run_ids=[accepted.run_id])
    redis.set(keyspace.SERVICE_RATE, 12.5)

    overview = await gateway.overview()

    assert (overview.queued, overview.running, overview.service_rate) == (0, 1, 12.5)
    assert overview.workers == ({"id": "w1", "ready": True},)


async def test_a_clock_that_was_set_back_makes_no_age_negative(gateway: GatewayLedger, redis: Redis) -> None:
    accepted = await gateway.submit(text_submission())
    redis.zincrby(keyspace.QUEUED, 3_600_000, accepted.run_id)

    assert (await gateway.overview()).oldest_age_s == 0


async def test_only_the_first_runs_of_a_very_long_queue_are_counted_by_kind(
    gateway: GatewayLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.ledger.gateway.KINDS_COUNTED", 3)
    for number in range(5):
        await gateway.submit(numbered(number, TextPart("red")))

    overview = await gateway.overview()

    assert (overview.queued, overview.queued_by_kind) == (5, {"text": 3})


async def test_an_expired_run_has_no_kind(gateway: GatewayLedger, redis: Redis) -> None:
    accepted = await gateway.submit(text_submission())
    redis.delete(keyspace.RUN + accepted.run_id)

    assert (await gateway.overview()).queued_by_kind == {}


async def test_the_memory_of_redis_is_told(gateway: GatewayLedger, redis: Redis) -> None:
    redis.config_set("maxmemory", "512mb")
    try:
        overview = await gateway.overview()
    finally:
        redis.config_set("maxmemory", "0")

    assert overview.redis_max_bytes == 512 * 1024 * 1024
    assert overview.redis_used_bytes is not None
    assert (await gateway.overview()).redis_max_bytes is None


async def test_a_redis_user_without_the_right_to_info_gets_the_other_figures(
    gateway: GatewayLedger, async_redis: AsyncRedis, redis: Redis
) -> None:
    # The user `default` is changed, because the gateway's connections belong to it.
    redis.acl_setuser("default", enabled=True, commands=["-info"])
    try:
        overview: Overview = await gateway.overview()
    finally:
        redis.acl_setuser("default", enabled=True, commands=["+info"])

    assert overview.redis_used_bytes is overview.redis_max_bytes is None
    assert overview.queued == 0
