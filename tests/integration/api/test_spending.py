"""Tests of rate-limit budgets in Redis: rotation of windows, refunds, and separate clients."""

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from api.access.rate_limits import Bucket, Payment, Rate, RateLimits

BUCKET = Bucket("address:192.0.2.1", Rate(10, "minute"))
NAME = "rate:address:192.0.2.1"


@pytest.fixture
def limits(async_redis: AsyncRedis) -> RateLimits:
    return RateLimits(async_redis, on_failure="refuse")


async def spend(limits: RateLimits, cost: int, bucket: Bucket = BUCKET) -> Payment:
    payment = await limits.spend(bucket, cost)
    assert payment is not None
    return payment


def turn(redis: Redis, *, seconds: int) -> None:
    """Move the start of the rate-limit window into the past, as if this many seconds had passed."""
    redis.hincrby(NAME, "start_ms", -1000 * seconds)


async def test_a_cost_that_does_not_fit_is_refused_and_not_counted(limits: RateLimits) -> None:
    first, second, third = await spend(limits, 7), await spend(limits, 4), await spend(limits, 3)

    assert [first.is_made, second.is_made, third.is_made] == [True, False, True]
    assert third.window.quota(BUCKET.rate).remaining == 0


async def test_the_previous_window_decays_linearly(limits: RateLimits, redis: Redis) -> None:
    await spend(limits, 10)

    turn(redis, seconds=60 + 30)
    half = await spend(limits, 0)
    turn(redis, seconds=31)
    none = await spend(limits, 0)

    assert half.window.quota(BUCKET.rate).remaining in {5, 6}
    assert none.window.quota(BUCKET.rate).remaining == 10


async def test_refunded_units_can_be_spent_again(limits: RateLimits) -> None:
    await spend(limits, 10)

    await spend(limits, -4)

    assert (await spend(limits, 4)).is_made
    assert not (await spend(limits, 1)).is_made


async def test_a_refund_is_at_most_the_spending_of_the_window(limits: RateLimits, redis: Redis) -> None:
    await spend(limits, 10)
    turn(redis, seconds=120)

    await spend(limits, -10)

    assert (await spend(limits, 10)).is_made
    assert not (await spend(limits, 1)).is_made


async def test_clients_have_separate_budgets(limits: RateLimits) -> None:
    await spend(limits, 10)

    assert (await spend(limits, 10, Bucket("address:192.0.2.2", BUCKET.rate))).is_made


async def test_a_clock_that_jumps_back_starts_no_new_window(limits: RateLimits, redis: Redis) -> None:
    await spend(limits, 10)

    turn(redis, seconds=-30)

    assert not (await spend(limits, 1)).is_made


async def test_an_idle_window_expires(limits: RateLimits, redis: Redis) -> None:
    await spend(limits, 1)

    assert 110_000 < redis.pttl(NAME) <= 120_000
