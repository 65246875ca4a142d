"""Tests of a worker process: readiness, shutdown, and handover of jobs."""

import asyncio
import base64
import io
import pickle
from pathlib import Path

import orjson
import psycopg
import pytest
from PIL import Image

from catalog.model_stamp import write_stamp
from common.catalog.protocol import ModelStamp
from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from common.redis import keyspace
from common.redis.clients import open_redis
from common.settings import Settings
from local.gateway_and_worker import Service
from tests.integration.worker.conftest import StartWorker, ended_job, running
from tests.ledgers import OWNER, image_submission, text_submission
from tests.polling import eventually, eventually_async


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "PNG")
    return buffer.getvalue()


async def failed_start(service: Service, gateway: GatewayLedger) -> tuple[int, str]:
    """Start a worker that cannot serve; return its exit status and the announced reason."""
    service.start()
    await eventually_async(lambda: not service.running)
    load = await gateway.load()
    (announcement,) = load.workers
    assert announcement["ready"] is False
    return service.status or 0, str(announcement["error"])


async def test_a_job_waits_without_a_worker_and_finishes_when_one_starts(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    accepted = await gateway.submit(text_submission("red"))
    waiting, _ = await gateway.job(accepted.job_id, owner=OWNER)

    make_worker_service().start()
    job = await ended_job(gateway, accepted.job_id)

    assert waiting.state is JobState.QUEUED
    assert job.state is JobState.SUCCEEDED
    assert job.result is not None
    assert orjson.loads(job.result)["total_results"] == 5


async def test_a_worker_answers_an_image_search(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    make_worker_service().start()

    accepted = await gateway.submit(image_submission(png()))
    job = await ended_job(gateway, accepted.job_id)

    assert job.state is JobState.SUCCEEDED
    assert job.timings is not None
    assert job.timings["decode"] > 0


async def test_undecodable_bytes_fail_with_their_code_and_affect_no_other_job(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    make_worker_service().start()

    bad = await gateway.submit(image_submission(png()[:60]))
    good = await gateway.submit(image_submission(png()))
    failed, succeeded = await ended_job(gateway, bad.job_id), await ended_job(gateway, good.job_id)

    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.parameter) == ("undecodable_image", "file")
    assert succeeded.state is JobState.SUCCEEDED


async def test_an_unloadable_model_stops_the_worker_before_it_receives_a_job(
    gateway: GatewayLedger, make_worker_service: StartWorker, tmp_path: Path
) -> None:
    accepted = await gateway.submit(text_submission("red"))

    service = make_worker_service(waits=False, ENCODER="openvino", CLIP_MODEL=str(tmp_path / "nowhere"))
    status, reason = await failed_start(service, gateway)
    job, _ = await gateway.job(accepted.job_id, owner=OWNER)

    assert status == 1
    assert "model_unavailable" in reason
    assert "nowhere" in reason
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)


async def test_a_catalog_of_another_model_stops_the_worker(
    gateway: GatewayLedger, make_worker_service: StartWorker, catalog_url: str
) -> None:
    with psycopg.connect(catalog_url) as connection:
        write_stamp(connection, ModelStamp("somebody/else", "00" * 32))

    status, reason = await failed_start(make_worker_service(waits=False), gateway)

    assert status == 1
    assert "model_mismatch" in reason
    assert "somebody/else" in reason


async def answered_by(workers: list[Service], *, count: int) -> list[int]:
    """Wait until the workers' logs together contain `count` answers; return the number in each log."""

    def answered() -> list[int]:
        return [worker.log_path.read_text().count('"message":"answered"') for worker in workers]

    await eventually_async(lambda: sum(answered()) >= count, within_s=10, describe=answered)
    return answered()


async def test_two_workers_share_the_load(gateway: GatewayLedger, make_worker_service: StartWorker) -> None:
    workers = [make_worker_service(FIXED_LATENCY_MS="20", BATCH_MAX="1") for _ in range(2)]
    for worker in workers:
        worker.start()

    accepted = [await gateway.submit(text_submission(f"query {n}")) for n in range(80)]
    states = {(await ended_job(gateway, a.job_id)).state for a in accepted}
    answered = await answered_by(workers, count=80)

    assert states == {JobState.SUCCEEDED}
    assert sum(answered) == 80
    assert min(answered) > 0


async def test_a_stopping_worker_finishes_its_jobs(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    first, second = make_worker_service(FIXED_LATENCY_MS="50", BATCH_MAX="2"), make_worker_service()
    first.start()
    accepted = [await gateway.submit(text_submission(f"query {n}")) for n in range(60)]
    await running(gateway)

    await asyncio.to_thread(first.stop)
    second.start()
    jobs = [await ended_job(gateway, a.job_id) for a in accepted]

    assert first.status == 0
    assert {job.state for job in jobs} == {JobState.SUCCEEDED}
    assert {job.attempts for job in jobs} == {1}


async def test_another_worker_finishes_the_jobs_of_a_killed_one(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    first, second = make_worker_service(FIXED_LATENCY_MS="5000"), make_worker_service()
    first.start()
    accepted = [await gateway.submit(text_submission(f"query {n}")) for n in range(20)]
    await running(gateway)

    first.kill()
    second.start()
    jobs = [await ended_job(gateway, a.job_id) for a in accepted]

    assert {job.state for job in jobs} == {JobState.SUCCEEDED}
    assert max(job.attempts for job in jobs) == 2


class Mark:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (self._path, "w"))


async def test_a_pickled_message_is_refused_and_never_loaded(
    gateway: GatewayLedger, make_worker_service: StartWorker, settings: Settings, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    make_worker_service().start()
    accepted = await gateway.submit(text_submission("before"))
    await ended_job(gateway, accepted.job_id)

    with open_redis(settings.redis_url.get_secret_value()) as redis:
        message = orjson.loads(gateway.template)
        message["content-type"] = "application/x-python-serialize"
        message["content-encoding"] = "binary"
        message["body"] = base64.b64encode(pickle.dumps(((Mark(mark),), {}, {}))).decode()
        redis.lpush(keyspace.QUEUE, orjson.dumps(message))
    after = await gateway.submit(text_submission("after"))
    job = await ended_job(gateway, after.job_id)

    assert job.state is JobState.SUCCEEDED
    assert not mark.exists()


@pytest.mark.parametrize("name", ["JOB_DEADLINE_S", "REDIS_URL"])
def test_a_malformed_setting_stops_the_worker_and_is_named(
    make_worker_service: StartWorker, name: str
) -> None:
    service = make_worker_service(waits=False, **{name: "nonsense"})

    service.start()
    eventually(lambda: not service.running)

    assert service.status == 2
    assert name in service.log_path.read_text()
