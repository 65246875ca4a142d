"""A worker's results link thumbnails if the service has a folder of thumbnails."""

from pathlib import Path

import orjson
import pytest

from catalog.writer.postgres import PostgresWriter
from catalog.writer.protocol import CoverOfAlbum
from common.catalog.version import made_from
from common.ledger.gateway import GatewayLedger
from common.redis.clients import open_redis
from common.search_query import SearchQuery, TextPart
from common.settings import Settings
from common.thumbnails import Thumbnails, thumbnail_urls
from tests.integration.worker.conftest import StartWorker, catalog_version, ended_job
from tests.ledgers import submission_of
from worker.encoder.stand_in_encoder import FixedLatencyEncoder

MADE = Thumbnails("ab" * 32, "cd" * 32)
PUBLIC_URL = "https://example.org/music"


@pytest.mark.parametrize("has_folder", [True, False])
async def test_results_link_the_thumbnails_of_albums_that_have_them(
    gateway: GatewayLedger,
    settings: Settings,
    make_worker_service: StartWorker,
    tmp_path: Path,
    has_folder: bool,
) -> None:
    assert settings.database_url is not None
    writer = PostgresWriter(settings.database_url.get_secret_value())
    writer.put_thumbnails([(CoverOfAlbum("7", None, None, None), MADE)])
    writer.close()
    # A worker does not read the folder, which need not exist on its machine.
    folder = {"THUMBNAIL_DIR": str(tmp_path / "elsewhere")} if has_folder else {}
    make_worker_service(PUBLIC_URL=PUBLIC_URL, **folder).start()

    accepted = await gateway.submit(submission_of(SearchQuery((TextPart("red"),), k=40)))
    job = await ended_job(gateway, accepted.job_id)

    assert job.result is not None, job
    found = {album["id"]: album["thumbnail_urls"] for album in orjson.loads(job.result)["results"]}
    expected = thumbnail_urls(MADE, PUBLIC_URL) if has_folder else None
    assert found == {**dict.fromkeys(found), "7": expected}


@pytest.mark.parametrize("worker_has", [True, False])
@pytest.mark.parametrize("gateway_has", [True, False])
async def test_result_and_ranking_are_cached_only_if_gateway_and_worker_agree_about_thumbnails(
    gateway: GatewayLedger,
    settings: Settings,
    make_worker_service: StartWorker,
    tmp_path: Path,
    worker_has: bool,
    gateway_has: bool,
) -> None:
    make_worker_service(**({"THUMBNAIL_DIR": str(tmp_path)} if worker_has else {})).start()
    source = made_from(
        model=FixedLatencyEncoder.model_fingerprint,
        version=catalog_version(settings),
        has_thumbnails=gateway_has,
    )

    accepted = await gateway.submit(submission_of(SearchQuery((TextPart("red"),)), made_from=source))
    job = await ended_job(gateway, accepted.job_id)

    assert job.result is not None
    assert job.matches_key is (worker_has == gateway_has)
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        assert len(redis.keys("result:*")) == (worker_has == gateway_has)
        assert len(redis.keys("ranking:*")) == (worker_has == gateway_has)
