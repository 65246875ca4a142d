"""A run that a worker cannot finish is queued again; the reason decides whether the attempt counts."""

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from common.cache.results import WorkerCache
from common.errors import (
    CoverSearchError,
    DecoderBusy,
    DecoderDied,
    ModelMismatch,
    QueueFull,
    UnknownQueryVersion,
)
from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Claim
from common.ledger.worker import CachedFor, WorkerLedger
from common.redis import keyspace
from common.redis.clients import open_redis
from common.settings import Settings
from tests.integration.worker.conftest import ended_job
from tests.ledgers import OWNER, gateway_ledger, text_submission, worker_ledger
from tests.polling import time_passes
from worker.search.leases import Lease, Leases
from worker.search.pipeline import Answer
from worker.search.tasks import RunHandler


class FailingPipeline:
    """A pipeline that fails every run with the same error."""

    def __init__(self, error: CoverSearchError) -> None:
        self._error = error
        self.held: list[Claim] = []

    def answer(self, lease: Lease) -> Answer:
        lease.check()
        self.held.append(lease.claim)
        raise self._error


def never_retire(error: ModelMismatch) -> None:
    raise AssertionError(error.detail)


@pytest.fixture
def ledger(redis: Redis, settings: Settings) -> WorkerLedger:
    return worker_ledger(redis, settings)


def handler(
    ledger: WorkerLedger,
    settings: Settings,
    pipeline: FailingPipeline,
    *,
    cache_apart: WorkerCache | None = None,
) -> RunHandler:
    return RunHandler(
        ledger=ledger,
        leases=Leases(ledger, lease_s=settings.lease_s, announcement=dict),
        pipeline=pipeline,
        cache_apart=cache_apart,
        cached_for=CachedFor("m", ranking_ttl_ms=60_000),
        retire=never_retire,
    )


@pytest.mark.parametrize("apart", [False, True])
async def test_a_claim_includes_cached_entries_unless_the_cache_is_another_redis(
    *, apart: bool, gateway: GatewayLedger, ledger: WorkerLedger, settings: Settings
) -> None:
    accepted = await gateway.submit(text_submission("once"))
    pipeline = FailingPipeline(QueueFull("no room in the model"))
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        cache = WorkerCache(redis, result_ttl_s=60, embedding_ttl_s=60)

        handler(ledger, settings, pipeline, cache_apart=cache if apart else None).handle(accepted.run_id)

    assert [claim.cached for claim in pipeline.held] == [None if apart else (None, None)]


async def test_a_run_of_a_later_release_waits_for_another_worker_without_counting_the_attempt(
    gateway: GatewayLedger,
    ledger: WorkerLedger,
    settings: Settings,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("common.ledger.worker.RESEND_AFTER_MS", 0)
    accepted = await gateway.submit(text_submission("of the next release"))
    redis.delete(keyspace.QUEUE)

    handler(ledger, settings, FailingPipeline(UnknownQueryVersion("not read here"))).handle(accepted.run_id)
    sent_at_once = redis.llen(keyspace.QUEUE)
    await time_passes(0.05)
    swept = ledger.sweep()
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert sent_at_once == 0
    assert swept is not None
    assert swept.sent_again == redis.llen(keyspace.QUEUE) == 1
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)


async def test_a_run_that_no_worker_can_read_ends_at_its_deadline_with_the_reason(
    async_redis: AsyncRedis, redis: Redis, settings: Settings
) -> None:
    brief = settings.model_copy(update={"job_deadline_s": 0.2})
    gateway, ledger = gateway_ledger(async_redis, brief), worker_ledger(redis, brief)
    ledger.renew({"ready": True}, ttl_s=5, run_ids=())
    accepted = await gateway.submit(text_submission("never read"))

    handler(ledger, brief, FailingPipeline(UnknownQueryVersion("not read here"))).handle(accepted.run_id)
    job = await ended_job(gateway, accepted.job_id)

    assert job.failure is not None
    assert job.failure.code == "deadline_exceeded"
    assert "not read here" in job.failure.detail


@pytest.mark.parametrize("error", [DecoderBusy("no decoder is free"), QueueFull("no room in the model")])
async def test_a_busy_worker_releases_the_run_without_counting_the_attempt(
    gateway: GatewayLedger, ledger: WorkerLedger, settings: Settings, error: CoverSearchError
) -> None:
    accepted = await gateway.submit(text_submission("no room"))

    handler(ledger, settings, FailingPipeline(error)).handle(accepted.run_id)
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert (job.state, job.attempts) == (JobState.QUEUED, 0)


async def test_a_job_fails_after_its_decoder_died_three_times(
    gateway: GatewayLedger, ledger: WorkerLedger, settings: Settings
) -> None:
    accepted = await gateway.submit(text_submission("poison"))
    handled = handler(ledger, settings, FailingPipeline(DecoderDied("killed")))

    for _ in range(settings.max_attempts):
        handled.handle(accepted.run_id)
    given_back, _ = await gateway.job(accepted.job_id, owner=OWNER)
    handled.handle(accepted.run_id)
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert (given_back.state, given_back.attempts) == (JobState.QUEUED, 3)
    assert job.failure is not None
    assert job.failure.code == "attempts_exhausted"
