"""If a text has more tokens than the model reads, the result says that the text is truncated."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from common.ledger.gateway import GatewayLedger
from common.redis.clients import open_redis
from common.search_query import SearchQuery, TextPart
from common.settings import Settings
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import submission_of
from tests.paths import DEMO_MODEL

#: The longest text that fits: the demo model reads 48 tokens, including a start and an end token.
FITS = "red " * 46
TOO_LONG = "red " * 47


@pytest.fixture
def _worker(make_worker_service: StartWorker, tmp_path: Path) -> Iterator[None]:
    service = make_worker_service(
        ENCODER="openvino", CLIP_MODEL=str(DEMO_MODEL), MODEL_CACHE_DIR=str(tmp_path / "exports")
    )
    service.start()
    yield
    service.stop()


async def is_truncated(gateway: GatewayLedger, *texts: str, k: int = 5) -> object:
    query = SearchQuery(tuple(TextPart(text) for text in texts), k=k)
    job = await ended_job(gateway, (await gateway.submit(submission_of(query))).job_id)
    assert job.result is not None, job
    return orjson.loads(job.result)["truncated"]


@pytest.mark.usefixtures("_worker")
async def test_a_result_shows_whether_a_text_was_truncated(
    gateway: GatewayLedger, settings: Settings
) -> None:
    assert await is_truncated(gateway, FITS) is False
    assert await is_truncated(gateway, TOO_LONG) is True
    assert await is_truncated(gateway, "red", "blue") is False
    assert await is_truncated(gateway, "red", TOO_LONG, "blue") is True

    # The embedding now comes from the cache; the result must still say that the text is truncated.
    with open_redis(settings.redis_url.get_secret_value()) as redis:
        assert redis.keys("embedding:*")
    assert await is_truncated(gateway, TOO_LONG, k=6) is True
    assert await is_truncated(gateway, FITS, k=6) is False
