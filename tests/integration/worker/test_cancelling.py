"""A job that is called off while a worker has it: the worker drops it before its next costly step."""

import asyncio
import time

from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from tests.integration.worker.conftest import OWNER, StartWorker, ended_job, text_submission


async def test_a_run_canceled_in_the_model_never_reaches_the_catalog(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    worker = make_worker_service(FIXED_LATENCY_MS="2000")
    worker.start()
    accepted = await gateway.submit(text_submission("changed my mind"))
    while (await gateway.load()).running == 0:
        await asyncio.sleep(0.01)

    await gateway.cancel(accepted.job_id, owner=OWNER)
    job = await ended_job(gateway, accepted.job_id)
    deadline = time.monotonic() + 20
    while '"message":"canceled"' not in worker.log_path.read_text():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)

    assert job.state is JobState.CANCELED
    assert '"message":"answered"' not in worker.log_path.read_text()


async def test_a_run_that_one_of_two_clients_calls_off_is_answered_for_the_other(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    make_worker_service(FIXED_LATENCY_MS="1000").start()
    first = await gateway.submit(text_submission("shared"))
    second = await gateway.submit(text_submission("shared"))

    await gateway.cancel(first.job_id, owner=OWNER)
    ended = [await ended_job(gateway, job_id) for job_id in (first.job_id, second.job_id)]

    assert second.coalesced
    assert [job.state for job in ended] == [JobState.CANCELED, JobState.SUCCEEDED]
