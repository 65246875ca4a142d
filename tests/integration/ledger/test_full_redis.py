"""While Redis is at `maxmemory` without eviction, new jobs are refused and accepted jobs end."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from common.cache.results import Entry
from common.errors import QueueUnavailable
from common.jobs import Job, JobState, Timings
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Claim, Submission
from common.ledger.worker import WorkerLedger
from common.settings import Settings
from tests.integration.ledger.conftest import MakeSettings
from tests.ledgers import OWNER
from tests.polling import eventually_async

TIMINGS = Timings.of(total_ms=1, decode_ms=0, embed_ms=0, search_ms=0)


@pytest.fixture
def fill(redis: Redis) -> Iterator[Callable[[], None]]:
    def fill() -> None:
        redis.config_set("maxmemory", 1)

    yield fill
    redis.config_set("maxmemory", 0)


async def test_a_full_redis_refuses_new_jobs(
    make_gateway: Callable[[Settings], GatewayLedger],
    make_settings: MakeSettings,
    submission: Callable[..., Submission],
    fill: Callable[[], None],
) -> None:
    gateway = make_gateway(make_settings())

    fill()

    with pytest.raises(QueueUnavailable):
        await gateway.submit(submission("too much"))


async def test_a_full_redis_lets_workers_finish_accepted_jobs(
    make_gateway: Callable[[Settings], GatewayLedger],
    make_worker: Callable[..., WorkerLedger],
    make_settings: MakeSettings,
    submission: Callable[..., Submission],
    fill: Callable[[], None],
) -> None:
    settings = make_settings()
    gateway, worker = make_gateway(settings), make_worker(settings)
    accepted = await gateway.submit(submission("red"))

    fill()
    worker.renew({"ready": True}, ttl_s=5, run_ids=())
    claim = worker.claim(accepted.run_id)
    assert isinstance(claim, Claim)
    entry = Entry("kept", b"more", 60_000)
    written = worker.succeed(claim.run_id, result=b"{}", timings=TIMINGS, entries=[entry])
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert written
    assert job.state is JobState.SUCCEEDED


async def test_a_full_redis_lets_the_sweeper_end_overdue_jobs(
    make_gateway: Callable[[Settings], GatewayLedger],
    make_settings: MakeSettings,
    submission: Callable[..., Submission],
    fill: Callable[[], None],
) -> None:
    gateway = make_gateway(make_settings(JOB_DEADLINE_S="0.05"))
    accepted = await gateway.submit(submission("red"))

    fill()

    async def ended() -> Job | None:
        await gateway.sweep()
        job, _ = await gateway.job(accepted.job_id, owner=OWNER)
        return None if job.state is JobState.QUEUED else job

    job = await eventually_async(ended, within_s=10)

    assert job.failure is not None
    assert job.failure.code == "no_worker"
