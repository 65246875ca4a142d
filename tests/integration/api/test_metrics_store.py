"""Counts in Redis: added once each, to the slots of their ages, by the clock of Redis."""

import time

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from api.metrics.counts_sender import MetricsReporter
from api.metrics.recorder import RequestRecorder
from api.metrics.store import KEEP_MS, SLOT_MS, SLOTS, Batch, MetricsStore, Window
from common.errors import QueueUnavailable
from common.redis import keyspace

HIT = "cache hit"


@pytest.fixture
def store(async_redis: AsyncRedis) -> MetricsStore:
    return MetricsStore(async_redis)


async def add(store: MetricsStore, *batches: Batch, gateway_id: str = "g1") -> None:
    await store.add(batches, gateway_id=gateway_id, announcement={"id": gateway_id})


def batch(sequence: int, count: int = 1, *, age_s: float = 0.0) -> Batch:
    return Batch(sequence, age_s, {HIT: count})


def hits(window: Window) -> int:
    return sum(slot.get(HIT, 0) for slot in window.slots)


def current_slot(redis: Redis) -> int:
    seconds, microseconds = redis.time()
    return (seconds * 1000 + microseconds // 1000) // SLOT_MS


async def test_the_counts_of_all_gateways_are_added_up(store: MetricsStore) -> None:
    await add(store, batch(1, 3), gateway_id="g1")
    await add(store, batch(1, 4), gateway_id="g2")
    await add(store, batch(2, 5), gateway_id="g1")

    window = await store.window()

    assert hits(window) == 12
    assert sorted(gateway["id"] for gateway in window.gateways) == ["g1", "g2"]


async def test_a_batch_that_is_sent_again_counts_once(store: MetricsStore) -> None:
    await add(store, batch(1, 3))

    await add(store, batch(1, 3), batch(2, 4))
    await add(store, batch(1, 3), batch(2, 4))

    assert hits(await store.window()) == 7


async def test_a_batch_counts_in_the_slot_of_its_age(store: MetricsStore) -> None:
    await add(store, batch(1, 3, age_s=2.5 * SLOT_MS / 1000), batch(2, 4))

    window = await store.window()

    # The clock may pass from one slot to the next during the test.
    counted = [(SLOTS - 1 - index, slot[HIT]) for index, slot in enumerate(window.slots) if HIT in slot]
    assert sorted(count for _, count in counted) == [3, 4]
    assert max(age for age, _ in counted) in {2, 3, 4}


async def test_counts_older_than_the_window_are_not_read(store: MetricsStore) -> None:
    await add(store, batch(1, 3, age_s=(SLOTS + 1) * SLOT_MS / 1000))

    assert hits(await store.window()) == 0


async def test_every_key_expires(store: MetricsStore, redis: Redis) -> None:
    await add(store, batch(1), batch(2, age_s=30))

    lifetimes = {name.decode(): redis.pttl(name) for name in redis.scan_iter()}

    assert len(lifetimes) == 5
    assert all(0 < left <= KEEP_MS for left in lifetimes.values()), lifetimes


async def test_a_slot_in_the_future_is_not_read(store: MetricsStore, redis: Redis) -> None:
    redis.hset(f"{keyspace.METRICS}{current_slot(redis) + 3}", HIT, 99)
    await add(store, batch(1))

    assert hits(await store.window()) == 1


async def test_counts_ahead_are_deleted_if_the_clock_was_set_back(store: MetricsStore, redis: Redis) -> None:
    now = current_slot(redis)
    ahead = [f"{keyspace.METRICS}{slot}" for slot in range(now + 4, now + 10)]
    for name in ahead:
        redis.hset(name, HIT, 99)
    redis.set(keyspace.METRICS_LATEST, now + 9)

    await add(store, batch(1))

    assert redis.exists(*ahead) == 0
    assert hits(await store.window()) == 1


async def test_a_clock_that_was_set_back_by_hours_costs_no_time(store: MetricsStore, redis: Redis) -> None:
    now = current_slot(redis)
    ahead = f"{keyspace.METRICS}{now + 10_000_000}"
    redis.hset(ahead, HIT, 99)
    redis.set(keyspace.METRICS_LATEST, now + 10_000_000)

    await add(store, batch(1))

    assert redis.exists(ahead) == 0
    assert hits(await store.window()) == 1


async def test_a_small_step_back_of_the_clock_loses_nothing(store: MetricsStore, redis: Redis) -> None:
    next_slot = current_slot(redis) + 1
    redis.hset(f"{keyspace.METRICS}{next_slot}", HIT, 5)
    redis.set(keyspace.METRICS_LATEST, next_slot)

    await add(store, batch(1))

    assert redis.hget(f"{keyspace.METRICS}{next_slot}", HIT) == b"5"


async def test_old_slots_stay_unread_after_the_clock_jumped_forward(
    store: MetricsStore, redis: Redis
) -> None:
    before = current_slot(redis) - 360
    redis.hset(f"{keyspace.METRICS}{before}", HIT, 99)
    redis.set(keyspace.METRICS_LATEST, before)

    await add(store, batch(1))

    assert hits(await store.window()) == 1


async def test_a_gateway_that_stopped_reporting_is_not_listed_and_its_counts_stay(
    store: MetricsStore, redis: Redis
) -> None:
    await add(store, batch(1, 3), gateway_id="killed")
    redis.zadd(keyspace.GATEWAYS, {"killed": time.time() * 1000 - 1})
    await add(store, batch(1, 4), gateway_id="alive")

    window = await store.window()

    assert [gateway["id"] for gateway in window.gateways] == ["alive"]
    assert hits(window) == 7


class LosesReplies(MetricsStore):
    """A store whose calls reach Redis, while the replies to the first calls are lost."""

    def __init__(self, redis: AsyncRedis, *, losses: int) -> None:
        super().__init__(redis)
        self._losses = losses

    async def add(self, *arguments: object, **options: object) -> None:
        await super().add(*arguments, **options)  # type: ignore[arg-type]
        if self._losses:
            self._losses -= 1
            raise QueueUnavailable("the reply was lost")


async def test_a_report_whose_reply_was_lost_counts_once(async_redis: AsyncRedis) -> None:
    recorder = RequestRecorder()
    store = LosesReplies(async_redis, losses=3)
    reporter = MetricsReporter(recorder, store)

    for _ in range(6):
        recorder.count_cache_use("hit")
        try:
            await reporter.report()
        except QueueUnavailable:
            continue

    assert hits(await store.window()) == 6


class Unreachable(MetricsStore):
    """A store that does not reach Redis while it is switched off."""

    is_off = True

    async def add(self, *arguments: object, **options: object) -> None:
        if self.is_off:
            raise QueueUnavailable("no connection")
        await super().add(*arguments, **options)  # type: ignore[arg-type]


async def test_counts_of_a_long_outage_are_reported_afterwards_in_several_calls(
    async_redis: AsyncRedis,
) -> None:
    recorder = RequestRecorder()
    store = Unreachable(async_redis)
    reporter = MetricsReporter(recorder, store)
    for _ in range(100):
        recorder.count_cache_use("hit")
        with pytest.raises(QueueUnavailable):
            await reporter.report()

    store.is_off = False
    await reporter.report()

    assert hits(await store.window()) == 100


async def test_counts_that_no_figure_shows_any_more_are_dropped(
    async_redis: AsyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.metrics.counts_sender.DROP_AFTER_S", -1.0)
    recorder = RequestRecorder()
    store = MetricsStore(async_redis)
    recorder.count_cache_use("hit")

    await MetricsReporter(recorder, store).report()

    assert hits(await store.window()) == 0


async def test_a_gateway_without_requests_still_announces_itself(store: MetricsStore) -> None:
    reporter = MetricsReporter(RequestRecorder(), store)

    await reporter.report()

    (gateway,) = (await store.window()).gateways
    assert gateway["id"] == reporter.gateway_id
    assert {"host", "pid", "version", "started_at"} <= gateway.keys()
