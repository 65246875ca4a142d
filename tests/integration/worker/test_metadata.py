"""A real worker returns results of a limited size, whatever metadata was written by SQL."""

import json
from typing import Any

import orjson
import psycopg

from common.album_metadata import METADATA_MAX_BYTES
from common.ledger.gateway import GatewayLedger
from common.search_query import SearchQuery, TextPart
from common.settings import Settings
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import submission_of

QUERY = SearchQuery((TextPart("red"),), k=50, include=("metadata",))
#: The metadata of each album by the remainder of its id: as large as allowed, larger, a list, null.
METADATA = (
    json.dumps({"a": "x" * (METADATA_MAX_BYTES - len('{"a": ""}'))}),
    json.dumps({"a": "x" * METADATA_MAX_BYTES}),
    json.dumps(["x" * 1_000_000]),
    "null",
)


async def test_large_metadata_and_other_values_do_not_enlarge_a_result(
    gateway: GatewayLedger, make_worker_service: StartWorker, settings: Settings
) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        for remainder, text in enumerate(METADATA):
            connection.execute(
                "UPDATE album_covers SET metadata = %s::jsonb WHERE id::int %% 4 = %s", [text, remainder]
            )
    make_worker_service().start()

    job = await ended_job(gateway, (await gateway.submit(submission_of(QUERY))).job_id)

    assert job.result is not None, job
    assert len(job.result) < 10 * METADATA_MAX_BYTES + 40_000
    results: list[dict[str, Any]] = orjson.loads(job.result)["results"]
    assert len(results) == 40
    omissions = (None, "too_large", "not_an_object", None)
    for album in results:
        assert album.get("metadata_omitted") == omissions[int(album["id"]) % 4]
        assert bool(album["metadata"]) is (int(album["id"]) % 4 == 0)
