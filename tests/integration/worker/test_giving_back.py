"""A run that this worker cannot finish goes back to the queue; whether that counts depends on why."""

from collections.abc import Iterator

import pytest

from common.clients import open_redis
from common.errors import CoverSearchError, DecoderBusy, DecoderDied, ModelMismatch, QueueFull
from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from common.ledger.worker import WorkerLedger
from common.queue import make_celery, message_template
from common.settings import Settings
from tests.integration.worker.conftest import OWNER, text_submission
from worker.leases import Lease, Leases
from worker.pipeline import Answer
from worker.tasks import RunHandler


class FailingPipeline:
    """Ends every run with the same error."""

    def __init__(self, error: CoverSearchError) -> None:
        self._error = error

    def answer(self, lease: Lease) -> Answer:
        lease.check()
        raise self._error


def never_retire(error: ModelMismatch) -> None:
    raise AssertionError(error.detail)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[WorkerLedger]:
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        yield WorkerLedger(
            redis, settings=settings, template=message_template(make_celery(settings)), worker_id="w1"
        )


def handler(ledger: WorkerLedger, settings: Settings, error: CoverSearchError) -> RunHandler:
    return RunHandler(
        ledger=ledger,
        leases=Leases(ledger, lease_s=settings.lease_s, announcement=dict),
        pipeline=FailingPipeline(error),
        cache_apart=None,
        fingerprint="m",
        retire=never_retire,
    )


@pytest.mark.parametrize("error", [DecoderBusy("no decoder is free"), QueueFull("no room in the model")])
async def test_a_worker_without_room_gives_the_run_back_and_the_attempt_does_not_count(
    gateway: GatewayLedger, ledger: WorkerLedger, settings: Settings, error: CoverSearchError
) -> None:
    accepted = await gateway.submit(text_submission("no room"))

    handler(ledger, settings, error).handle(accepted.run_id)
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert (job.state, job.attempts) == (JobState.QUEUED, 0)


async def test_a_decoder_that_dies_counts_and_the_third_time_ends_the_job(
    gateway: GatewayLedger, ledger: WorkerLedger, settings: Settings
) -> None:
    accepted = await gateway.submit(text_submission("poison"))
    handled = handler(ledger, settings, DecoderDied("killed"))

    for _ in range(settings.max_attempts):
        handled.handle(accepted.run_id)
    given_back, _ = await gateway.job(accepted.job_id, owner=OWNER)
    handled.handle(accepted.run_id)
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert (given_back.state, given_back.attempts) == (JobState.QUEUED, 3)
    assert job.failure is not None
    assert job.failure.code == "attempts_exhausted"
