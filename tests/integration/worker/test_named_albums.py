"""The result of a search by text tells which albums have the text as their name."""

from collections.abc import Iterator

import orjson
import psycopg
import pytest

from common.ledger.gateway import GatewayLedger
from common.search_query import AlbumPart, SearchQuery, TextPart
from common.settings import Settings
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import submission_of


@pytest.fixture
def _worker(make_worker_service: StartWorker) -> Iterator[None]:
    service = make_worker_service()
    service.start()
    yield
    service.stop()


async def named(gateway: GatewayLedger, query: SearchQuery) -> list[str]:
    job = await ended_job(gateway, (await gateway.submit(submission_of(query))).job_id)
    assert job.result is not None, job
    return [album["id"] for album in orjson.loads(job.result)["named"]]


@pytest.mark.usefixtures("_worker")
async def test_only_a_search_by_text_tells_albums_with_this_name(gateway: GatewayLedger) -> None:
    assert await named(gateway, SearchQuery((TextPart("N7"),))) == ["7"]
    assert await named(gateway, SearchQuery((TextPart("n7 by A"),))) == ["7"]
    assert await named(gateway, SearchQuery((TextPart("a red guitar"),))) == []
    assert await named(gateway, SearchQuery((TextPart("N7"), TextPart("N8")))) == []
    assert await named(gateway, SearchQuery((AlbumPart("7"),))) == []


@pytest.mark.usefixtures("_worker")
async def test_a_search_succeeds_although_names_cannot_be_read(
    gateway: GatewayLedger, settings: Settings
) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute("ALTER TABLE album_names RENAME TO lost_names")

    assert await named(gateway, SearchQuery((TextPart("N7"),))) == []
