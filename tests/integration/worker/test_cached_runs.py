"""A worker gets a run whose result was cached after the gateway had checked the cache."""

from pathlib import Path

import pytest

from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from common.redis.clients import open_redis
from common.settings import Settings
from local.servers.redis import RedisConfig, RedisServer
from tests.integration.worker.conftest import StartWorker, catalog_version, ended_job
from tests.ledgers import text_submission
from tests.polling import eventually_async


async def test_a_second_run_of_a_query_uses_the_cached_result(
    gateway: GatewayLedger, make_worker_service: StartWorker, settings: Settings
) -> None:
    worker = make_worker_service()
    worker.start()
    version = catalog_version(settings)
    first = await ended_job(gateway, (await gateway.submit(text_submission("twice", version=version))).job_id)

    again = await gateway.submit(text_submission("twice", version=version))
    second = await ended_job(gateway, again.job_id)

    assert again.is_new
    assert second.state is JobState.SUCCEEDED
    assert second.result == first.result
    # A worker logs an answer after the job has ended.
    await eventually_async(lambda: "the cache had the answer" in worker.log_path.read_text())
    assert worker.log_path.read_text().count('"message":"answered"') == 1


async def test_a_second_run_recomputes_an_invalid_cached_result(
    gateway: GatewayLedger, make_worker_service: StartWorker, settings: Settings
) -> None:
    worker = make_worker_service()
    worker.start()
    version = catalog_version(settings)
    await ended_job(gateway, (await gateway.submit(text_submission("twice", version=version))).job_id)
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        (key,) = redis.keys("result:*")
        redis.set(key, b"junk")

    again = await ended_job(gateway, (await gateway.submit(text_submission("twice", version=version))).job_id)

    assert again.state is JobState.SUCCEEDED
    await eventually_async(lambda: worker.log_path.read_text().count('"message":"answered"') == 2)


async def test_a_separate_cache_has_the_result_once_the_job_has_ended(
    gateway: GatewayLedger, make_worker_service: StartWorker, settings: Settings, tmp_path: Path
) -> None:
    with RedisServer(RedisConfig(tmp_path / "cache")) as cache:
        make_worker_service(CACHE_REDIS_URL=cache.url).start()

        submission = text_submission("apart", version=catalog_version(settings))
        job = await ended_job(gateway, (await gateway.submit(submission)).job_id)

        with open_redis(cache.url) as there, open_redis(settings.redis_url.get_secret_value()) as here:
            kept = sorted(key.decode().partition(":")[0] for key in there.scan_iter())
            assert here.keys("result:*") == here.keys("embedding:*") == []
    assert job.state is JobState.SUCCEEDED
    assert kept == ["embedding", "ranking", "result"]


@pytest.mark.parametrize("apart", [False, True])
async def test_another_query_with_the_same_text_reuses_its_embedding(
    *, apart: bool, gateway: GatewayLedger, make_worker_service: StartWorker, tmp_path: Path
) -> None:
    with RedisServer(RedisConfig(tmp_path / "cache")) as cache:
        make_worker_service(**({"CACHE_REDIS_URL": cache.url} if apart else {})).start()

        jobs = [
            await ended_job(gateway, (await gateway.submit(text_submission("one text", k=k))).job_id)
            for k in (5, 6)
        ]

    first, second = (job.timings or {} for job in jobs)
    assert [job.state for job in jobs] == [JobState.SUCCEEDED] * 2
    assert first["embed"] > 0
    assert second["embed"] == 0
    assert second["search"] > 0


async def test_a_run_completes_while_the_cache_is_down(
    gateway: GatewayLedger, make_worker_service: StartWorker
) -> None:
    worker = make_worker_service(CACHE_REDIS_URL="redis://127.0.0.1:1")
    worker.start()

    job = await ended_job(gateway, (await gateway.submit(text_submission("no cache"))).job_id)

    assert job.state is JobState.SUCCEEDED
    assert "the cache cannot store entries" in worker.log_path.read_text()


@pytest.mark.parametrize("version", [None, "of before"])
async def test_a_result_of_another_catalog_version_is_returned_but_not_cached(
    gateway: GatewayLedger, make_worker_service: StartWorker, settings: Settings, version: str | None
) -> None:
    make_worker_service().start()
    submission = text_submission("changed meanwhile", version=version)

    job = await ended_job(gateway, (await gateway.submit(submission)).job_id)

    assert job.state is JobState.SUCCEEDED
    assert not job.matches_key
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        assert redis.keys("result:*") == []
        assert len(redis.keys("embedding:*")) == 1
