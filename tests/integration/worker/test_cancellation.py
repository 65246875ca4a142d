"""When a job is canceled while a worker processes it, the worker stops before the next costly step."""

import pytest
from redis import Redis

from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from common.ledger.records import Claim
from common.ledger.worker import WorkerLedger
from common.settings import Settings
from tests.integration.worker.conftest import StartWorker, ended_job, running
from tests.ledgers import OWNER, text_submission, worker_ledger
from tests.polling import eventually_async
from worker.search.leases import Leases, RunCanceled


async def test_a_run_canceled_during_embedding_never_reaches_the_catalog(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    worker = make_worker_service(FIXED_LATENCY_MS="2000")
    worker.start()
    accepted = await gateway.submit(text_submission("changed my mind"))
    await running(gateway)

    await gateway.cancel(accepted.job_id, owner=OWNER)
    job = await ended_job(gateway, accepted.job_id)
    await eventually_async(lambda: '"message":"canceled"' in worker.log_path.read_text(), within_s=20)

    assert job.state is JobState.CANCELED
    assert '"message":"answered"' not in worker.log_path.read_text()


async def test_a_run_canceled_by_one_of_two_clients_answers_the_other(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    make_worker_service(FIXED_LATENCY_MS="1000").start()
    first = await gateway.submit(text_submission("shared"))
    second = await gateway.submit(text_submission("shared"))

    await gateway.cancel(first.job_id, owner=OWNER)
    ended = [await ended_job(gateway, job_id) for job_id in (first.job_id, second.job_id)]

    assert not second.is_new
    assert [job.state for job in ended] == [JobState.CANCELED, JobState.SUCCEEDED]


async def test_cancellation_reaches_both_attempts_of_one_worker_at_a_run(
    gateway: GatewayLedger, redis: Redis, settings: Settings
) -> None:
    ledger = worker_ledger(redis, settings)
    leases = Leases(ledger, lease_s=settings.lease_s, announcement=dict)
    accepted = await gateway.submit(text_submission("held twice"))

    first = await claimed(ledger, accepted.run_id)
    # The worker claims the run again, as if a frozen Redis had let the run's lease expire.
    second = await claimed(ledger, accepted.run_id)
    with leases.holding(first) as one, leases.holding(second) as other:
        await gateway.cancel(accepted.job_id, owner=OWNER)
        leases.start()
        leases.stop()

        for lease in (one, other):
            with pytest.raises(RunCanceled):
                lease.check()


async def claimed(ledger: WorkerLedger, run_id: str) -> Claim:
    def claim() -> Claim | None:
        found = ledger.claim(run_id)
        return found if isinstance(found, Claim) else None

    return await eventually_async(claim, within_s=20)
