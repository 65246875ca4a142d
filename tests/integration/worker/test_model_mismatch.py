"""If the catalog moves to another model, the worker releases its search and exits; a new worker answers."""

import psycopg

from catalog.model_stamp import write_stamp
from common.catalog.protocol import ModelStamp
from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from local.gateway_and_worker import Service
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import OWNER, text_submission
from tests.polling import eventually_async
from worker.encoder.stand_in_encoder import FixedLatencyEncoder


async def ended(service: Service) -> int | None:
    await eventually_async(lambda: not service.running, within_s=40, describe=service.log_path.read_text)
    return service.status


def stamp(url: str, fingerprint: str) -> None:
    with psycopg.connect(url) as connection:
        write_stamp(connection, ModelStamp("a/model", fingerprint))


async def test_a_search_after_a_model_change_is_answered_by_a_new_worker(
    gateway: GatewayLedger, make_worker_service: StartWorker, catalog_url: str
) -> None:
    outdated = make_worker_service()
    outdated.start()
    stamp(catalog_url, "00" * 32)

    accepted = await gateway.submit(text_submission("red"))
    status = await ended(outdated)
    waiting, _ = await gateway.job(accepted.job_id, owner=OWNER)
    # The catalog now has the model of the next worker.
    stamp(catalog_url, FixedLatencyEncoder.model_fingerprint)
    make_worker_service().start()
    job = await ended_job(gateway, accepted.job_id)

    assert status == 1
    assert "model_mismatch" in outdated.log_path.read_text()
    assert waiting.state is JobState.QUEUED
    assert job.state is JobState.SUCCEEDED
    assert job.attempts == 1
