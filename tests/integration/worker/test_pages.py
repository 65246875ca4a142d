"""A real worker returns pages of one ranking, and leaves a query that it cannot read to others."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis as AsyncRedis

from common.filters import Filters
from common.jobs import JobState
from common.ledger.gateway import GatewayLedger
from common.search_query import AlbumPart, ImagePart, SearchQuery, TextPart, query_to_json
from common.settings import Settings
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import gateway_ledger, submission_of


async def answer(gateway: GatewayLedger, query: SearchQuery) -> dict[str, Any]:
    job = await ended_job(gateway, (await gateway.submit(submission_of(query))).job_id)
    assert job.result is not None, job
    document: dict[str, Any] = orjson.loads(job.result)
    return document


@pytest.mark.parametrize(
    ("parts", "albums"),
    [
        ((TextPart("red"),), 40),
        ((AlbumPart("7"),), 39),
        ((TextPart("red"), AlbumPart("7", -0.5)), 39),
    ],
    ids=["text", "album", "composed"],
)
async def test_pages_laid_end_to_end_are_the_whole_ranking(
    gateway: GatewayLedger,
    make_worker_service: StartWorker,
    parts: tuple[TextPart | ImagePart | AlbumPart, ...],
    albums: int,
) -> None:
    make_worker_service().start()
    found: list[dict[str, Any]] = []
    for offset in (0, 15, 30):
        page = await answer(gateway, SearchQuery(parts, k=15, offset=offset))
        assert page["exhausted"] is (offset == 30)
        found += page["results"]

    assert len(found) == len({album["id"] for album in found}) == albums
    similarities = [album["similarity"] for album in found]
    assert similarities == sorted(similarities, reverse=True)

    threshold = similarities[20]
    cut = await answer(
        gateway,
        SearchQuery(parts, Filters(artists=("a",)), k=50, min_similarity=threshold, include=("metadata",)),
    )
    assert (cut["total_results"], cut["requested"], cut["exhausted"]) == (21, 50, True)
    assert [album["id"] for album in cut["results"]] == [album["id"] for album in found[:21]]
    assert cut["results"][0]["metadata"] == {}


async def test_a_query_with_a_condition_of_a_later_release_is_left_to_another_worker_until_its_deadline(
    async_redis: AsyncRedis, settings: Settings, make_worker_service: StartWorker
) -> None:
    gateway = gateway_ledger(async_redis, settings.model_copy(update={"job_deadline_s": 6.0}))
    make_worker_service().start()
    query = SearchQuery((TextPart("red"),))
    later = orjson.dumps(orjson.loads(query_to_json(query)) | {"v": 2, "later_condition": True})

    accepted = await gateway.submit(replace(submission_of(query), query=later))
    job = await ended_job(gateway, accepted.job_id)

    assert (job.state, job.attempts) == (JobState.FAILED, 0)
    assert job.failure is not None
    assert job.failure.code == "deadline_exceeded"
    assert "later_condition" in job.failure.detail
