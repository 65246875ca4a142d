"""A worker serves a catalog with another preprocessing version, and warns the operator."""

import psycopg
import pytest

from catalog.model_stamp import write_stamp
from common.catalog.protocol import ModelStamp
from common.catalog.version import ensure_catalog_version
from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from common.redis import keyspace
from common.redis.clients import open_redis
from common.settings import Settings
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import text_submission
from worker.decode import preprocessing_version
from worker.encoder.stand_in_encoder import FixedLatencyEncoder

MODEL = FixedLatencyEncoder.model_fingerprint
WARNING = "another version of the preprocessing"


@pytest.mark.parametrize(
    ("stamped", "is_told"), [(1, True), (preprocessing_version.PREPROCESSING_VERSION, False)]
)
async def test_a_catalog_of_another_preprocessing_is_served_with_a_warning(
    gateway: GatewayLedger, make_worker_service: StartWorker, catalog_url: str, stamped: int, is_told: bool
) -> None:
    with psycopg.connect(catalog_url) as connection:
        write_stamp(connection, ModelStamp("fixed-latency", MODEL, stamped))
    worker = make_worker_service()
    worker.start()

    job = await ended_job(gateway, (await gateway.submit(text_submission("red"))).job_id)

    assert job.state is JobState.SUCCEEDED
    assert (WARNING in worker.log_path.read_text()) is is_told


def test_a_new_preprocessing_version_invalidates_cached_results(settings: Settings) -> None:
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        versions = []
        for preprocessing in (1, 1, 2, 2):
            ensure_catalog_version(redis, model_fingerprint=MODEL, preprocessing=preprocessing)
            versions.append(redis.get(keyspace.CATALOG_VERSION))

    assert versions[0] == versions[1]
    assert versions[1] != versions[2]
    assert versions[2] == versions[3]


def test_embeddings_of_each_preprocessing_have_their_own_cache_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = preprocessing_version.preprocessed(MODEL)

    monkeypatch.setattr(
        preprocessing_version, "PREPROCESSING_VERSION", preprocessing_version.PREPROCESSING_VERSION + 1
    )

    assert len({MODEL, now, preprocessing_version.preprocessed(MODEL)}) == 3


async def test_an_embedding_cached_by_an_earlier_release_is_not_used(
    gateway: GatewayLedger, make_worker_service: StartWorker, settings: Settings
) -> None:
    make_worker_service().start()

    await ended_job(gateway, (await gateway.submit(text_submission("red"))).job_id)

    with open_redis(settings.redis_url.get_secret_value()) as redis:
        names = [key.decode() for key in redis.scan_iter(f"{keyspace.EMBEDDING}*")]
    assert names
    assert all(
        name.startswith(f"{keyspace.EMBEDDING}{preprocessing_version.preprocessed(MODEL)}:") for name in names
    )
