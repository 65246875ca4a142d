"""The ledger measures the service rate, and refuses jobs that cannot meet their deadline."""

import asyncio
from collections.abc import Callable

import pytest
from redis import Redis

from common.errors import QueueFull
from common.jobs import JobFailure, Timings
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Claim, Submission
from common.ledger.worker import WorkerLedger
from common.redis import keyspace
from common.settings import Settings
from tests.ledgers import OWNER
from tests.polling import time_passes

MakeSettings = Callable[..., Settings]
MakeGateway = Callable[[Settings], GatewayLedger]
MakeWorker = Callable[..., WorkerLedger]
Submit = Callable[..., Submission]

TIMINGS = Timings.of(total_ms=10, decode_ms=1, embed_ms=2, search_ms=3)
RESULT = b'{"job_id":null,"success":true}'


@pytest.fixture
def gateway(make_settings: MakeSettings, make_gateway: MakeGateway) -> GatewayLedger:
    return make_gateway(make_settings(JOB_DEADLINE_S="4"))


@pytest.fixture
def worker(make_settings: MakeSettings, make_worker: MakeWorker) -> WorkerLedger:
    return make_worker(make_settings())


def finish(worker: WorkerLedger, run_id: str) -> None:
    claim = worker.claim(run_id)
    assert isinstance(claim, Claim)
    worker.succeed(claim.run_id, result=RESULT, timings=TIMINGS)


def rate(redis: Redis) -> float:
    known = redis.get(keyspace.SERVICE_RATE)
    return float(known) if isinstance(known, bytes) else 0.0


def finished_before(redis: Redis, *, each_s: int, seconds: int) -> int:
    """Record `each_s` ended runs in each of the last `seconds` seconds; return Redis's clock in seconds."""
    now: int = redis.time()[0]
    for ago in range(1, seconds + 1):
        redis.set(f"{keyspace.FINISHED}{now - ago}", each_s, ex=60)
    return now


async def test_a_job_that_cannot_meet_its_deadline_is_refused_with_retry_after(
    gateway: GatewayLedger, submission: Submit, redis: Redis
) -> None:
    redis.set(keyspace.SERVICE_RATE, 2)

    for n in range(6):
        await gateway.submit(submission(f"three seconds are three quarters of four {n}"))
    with pytest.raises(QueueFull) as refused:
        await gateway.submit(submission("one more"))
    with pytest.raises(QueueFull):
        await gateway.check_room(owner=OWNER, max_jobs=None, image_bytes=0)

    assert refused.value.retry_after_s == 3


async def test_running_jobs_count_towards_the_expected_wait(
    gateway: GatewayLedger, worker: WorkerLedger, submission: Submit, redis: Redis
) -> None:
    redis.set(keyspace.SERVICE_RATE, 2)
    for n in range(6):
        worker.claim((await gateway.submit(submission(f"running {n}"))).run_id)

    with pytest.raises(QueueFull):
        await gateway.submit(submission("one more"))


async def test_a_burst_is_accepted_while_the_service_rate_is_unknown(
    gateway: GatewayLedger, submission: Submit
) -> None:
    accepted = await asyncio.gather(*(gateway.submit(submission(f"burst {n}")) for n in range(500)))

    assert len({one.job_id for one in accepted}) == 500


async def test_the_service_rate_is_measured_while_jobs_wait(
    gateway: GatewayLedger, worker: WorkerLedger, submission: Submit, redis: Redis
) -> None:
    accepted = await gateway.submit(submission("the next"))
    now = finished_before(redis, each_s=5, seconds=5)
    waits = await gateway.submit(submission("it waits"))
    redis.hset(keyspace.RUN + waits.run_id, "sent_ms", (now - 30) * 1000)

    finish(worker, accepted.run_id)

    # The tolerance allows for one second without ended runs, which may pass during the test.
    assert rate(redis) == pytest.approx(5, rel=0.2)


async def test_the_wait_of_a_released_run_starts_at_its_release(
    gateway: GatewayLedger, worker: WorkerLedger, submission: Submit, redis: Redis
) -> None:
    old, other = await gateway.submit(submission("old")), await gateway.submit(submission("other"))
    now = finished_before(redis, each_s=1, seconds=10)
    redis.hset(keyspace.RUN + old.run_id, "created_ms", (now - 30) * 1000)
    claim = worker.claim(old.run_id)
    assert isinstance(claim, Claim)
    worker.release(claim, uses_attempt=True)

    finish(worker, other.run_id)

    assert rate(redis) == 0


async def test_an_idle_period_does_not_set_the_service_rate(
    gateway: GatewayLedger, worker: WorkerLedger, submission: Submit, redis: Redis
) -> None:
    accepted = await gateway.submit(submission())
    finished_before(redis, each_s=1, seconds=10)

    finish(worker, accepted.run_id)

    assert rate(redis) == 0


async def test_an_idle_period_can_raise_but_not_lower_the_service_rate(
    gateway: GatewayLedger, worker: WorkerLedger, submission: Submit, redis: Redis
) -> None:
    first = await gateway.submit(submission("first"))
    second = await gateway.submit(submission("second"))
    redis.set(keyspace.SERVICE_RATE, 2)
    now = finished_before(redis, each_s=5, seconds=9)

    finish(worker, first.run_id)
    raised = rate(redis)
    for entry in redis.scan_iter(f"{keyspace.FINISHED}*"):
        redis.delete(entry)
    redis.set(f"{keyspace.FINISHED}{now - 1}", 1, ex=60)
    finish(worker, second.run_id)

    assert raised == pytest.approx(4.5, rel=0.2)
    assert rate(redis) == raised


async def test_runs_that_no_worker_finished_are_not_counted(
    make_settings: MakeSettings,
    make_gateway: MakeGateway,
    worker: WorkerLedger,
    submission: Submit,
    redis: Redis,
) -> None:
    hasty = make_gateway(make_settings(JOB_DEADLINE_S="0.05"))
    canceled = await hasty.submit(submission("canceled"))
    await hasty.cancel(canceled.job_id, owner=OWNER)
    await hasty.submit(submission("swept"))
    unclaimed = await hasty.submit(submission("claimed too late"))
    await time_passes(0.1)
    worker.claim(unclaimed.run_id)
    await hasty.sweep()

    assert list(redis.scan_iter(f"{keyspace.FINISHED}*")) == []


@pytest.mark.parametrize(("code", "counted"), [("undecodable_image", 1), ("deadline_exceeded", 0)])
async def test_a_failure_counts_only_if_the_worker_processed_the_run(
    gateway: GatewayLedger, worker: WorkerLedger, submission: Submit, redis: Redis, code: str, counted: int
) -> None:
    claim = worker.claim((await gateway.submit(submission())).run_id)
    assert isinstance(claim, Claim)

    worker.fail(claim, JobFailure(code, "x"))

    assert len(list(redis.scan_iter(f"{keyspace.FINISHED}*"))) == counted
