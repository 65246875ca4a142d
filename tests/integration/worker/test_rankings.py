"""A worker reads the pages of a search from the cached ranking, and survives scans that take too long."""

from typing import Any

import orjson
import psycopg
import pytest
from redis import Redis

from common.cache.rankings import packed_ranking, ranking_in
from common.catalog.ranking import Ranking
from common.catalog.version import made_from
from common.filters import Filters
from common.jobs import Job, JobState
from common.ledger.gateway import GatewayLedger
from common.redis import keyspace
from common.search_query import AlbumPart, Part, SearchQuery, TextPart, ranking_key
from common.settings import Settings
from tests.integration.worker.conftest import StartWorker, catalog_version, ended_job
from tests.ledgers import submission_of
from worker.encoder.stand_in_encoder import FixedLatencyEncoder

#: SQL that makes every search wait that needs more than the first 51 albums.
SLOW_SCANS = """
ALTER FUNCTION ranked_albums RENAME TO fast_ranked_albums;
DO $$ BEGIN
  EXECUTE format(
    'CREATE FUNCTION ranked_albums(%s) RETURNS record LANGUAGE plpgsql AS $f$BEGIN '
    'IF positions > 51 THEN PERFORM pg_sleep(20); END IF; '
    'SELECT f.ids, f.similarities, f.complete INTO ids, similarities, complete FROM fast_ranked_albums('
    'query_embedding, positions, wanted, min_similarity, exclude_ids, model_fingerprint, nearest_ids) f; '
    'END$f$', pg_get_function_arguments('fast_ranked_albums'::regproc));
END $$
"""

TEXT, SIMILAR = (TextPart("red"),), (AlbumPart("7"),)
MIXED = (TextPart("red"), AlbumPart("7", -0.5))


class Searches:
    """Submits searches as a gateway that knows the catalog's version does."""

    def __init__(
        self, gateway: GatewayLedger, settings: Settings, redis: Redis, fields: dict[str, str]
    ) -> None:
        self._gateway = gateway
        self._settings = settings
        self._redis = redis
        #: Fields of the submissions that differ from a gateway of this release.
        self._fields = fields
        self._sent = 0

    async def submit(self, query: SearchQuery, *, version: str | None = None) -> str:
        self._sent += 1
        known = version or catalog_version(self._settings)
        # Each search has its own query key, so that no search is answered from the cache of results.
        submission = submission_of(query, version=known, query_key=f"{self._sent}", **self._fields)
        return (await self._gateway.submit(submission)).job_id

    async def job(self, query: SearchQuery, *, version: str | None = None) -> Job:
        return await ended_job(self._gateway, await self.submit(query, version=version))

    async def page(self, query: SearchQuery, *, version: str | None = None) -> dict[str, Any]:
        job = await self.job(query, version=version)
        assert job.result is not None, job
        document: dict[str, Any] = orjson.loads(job.result)
        return document

    def key(self, query: SearchQuery) -> str:
        version = catalog_version(self._settings)
        return keyspace.ranking(
            ranking_key(
                query, made_from=made_from(model=FixedLatencyEncoder.model_fingerprint, version=version)
            )
        )

    def ranking(self, query: SearchQuery) -> Ranking:
        entry = self._redis.get(self.key(query))
        assert isinstance(entry, bytes)
        ranking = ranking_in(entry)
        assert ranking is not None
        return ranking


#: Submissions of this release's gateway, of one that sends no ranking key, and of one with other keys.
of_every_release = pytest.mark.parametrize(
    "searches",
    [{}, {"ranking_key": ""}, {"ranking_key": "f" * 64}],
    ids=["same", "older", "later"],
    indirect=True,
)


@pytest.fixture
def searches(
    gateway: GatewayLedger, settings: Settings, redis: Redis, request: pytest.FixtureRequest
) -> Searches:
    return Searches(gateway, settings, redis, getattr(request, "param", {}))


def ids(page: dict[str, Any]) -> list[str]:
    return [album["id"] for album in page["results"]]


@of_every_release
@pytest.mark.parametrize("parts", [TEXT, SIMILAR, MIXED], ids=["text", "album", "composed"])
async def test_every_page_of_a_search_is_read_from_its_cached_ranking(
    searches: Searches, make_worker_service: StartWorker, redis: Redis, parts: tuple[Part, ...]
) -> None:
    make_worker_service().start()
    first = await searches.page(SearchQuery(parts, k=5))
    found = searches.ranking(SearchQuery(parts))
    assert ids(first) == list(found.ids[:5])

    # A ranking with the first pages as shown, and the other albums in another order.
    pinned = Ranking((*found.ids[:5], *reversed(found.ids[5:])), found.similarities, complete=True)
    redis.set(searches.key(SearchQuery(parts)), packed_ranking(pinned))
    second = await searches.page(SearchQuery(parts, k=10, offset=5))
    third = await searches.page(SearchQuery(parts, k=50, offset=15, include=("metadata",)))
    cut = await searches.page(SearchQuery(parts, k=10, min_similarity=found.similarities[4] / 1_000_000))

    assert {*ids(second)} == {*pinned.ids[5:15]}
    assert {*ids(third)} == {*pinned.ids[15:]}
    assert [page["exhausted"] for page in (first, second, third, cut)] == [False, False, True, True]
    assert ids(cut) == ids(first)


async def test_pages_with_other_thresholds_and_fields_share_a_ranking_and_other_queries_do_not(
    searches: Searches, make_worker_service: StartWorker, redis: Redis
) -> None:
    make_worker_service().start()
    same = [
        SearchQuery(TEXT, k=3),
        SearchQuery((TextPart("RED", 0.5),), k=50, offset=7),
        SearchQuery(TEXT, min_similarity=0.5, include=("metadata",), explain=True, facets=True),
    ]
    others = [
        SearchQuery((TextPart("blue"),)),
        SearchQuery(TEXT, Filters(year_min=1990)),
        SearchQuery(MIXED),
    ]
    for query in same:
        await searches.page(query)
    assert len(redis.keys("ranking:*")) == 1

    for number, query in enumerate(others):
        await searches.page(query)
        assert len(redis.keys("ranking:*")) == number + 2


@pytest.mark.parametrize(
    ("parts", "equal"),
    [
        ((TextPart("red", 5e-324),), TEXT),
        ((TextPart("red", 1e-300), AlbumPart("7", -0.5e-300)), MIXED),
        ((TextPart("red", 10), AlbumPart("7", -5)), MIXED),
    ],
    ids=["alone", "tiny", "large"],
)
async def test_only_the_ratios_of_the_weights_matter(
    searches: Searches, make_worker_service: StartWorker, parts: tuple[Part, ...], equal: tuple[Part, ...]
) -> None:
    make_worker_service().start()

    page = await searches.page(SearchQuery(parts, explain=True))

    assert page["results"] == (await searches.page(SearchQuery(equal, explain=True)))["results"]


async def test_a_ranking_of_an_older_catalog_is_not_used(
    searches: Searches, make_worker_service: StartWorker, settings: Settings, redis: Redis
) -> None:
    make_worker_service().start()
    before = catalog_version(settings)
    query = SearchQuery(TEXT, k=50)
    nearest = ids(await searches.page(query))[0]
    key = searches.key(query)
    ranking = searches.ranking(query)
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute("DELETE FROM album_covers WHERE id = %s", [nearest])

    # The gateway has not noticed the change yet.
    page = await searches.page(query, version=before)

    assert len(page["results"]) == 39
    assert nearest not in ids(page)
    assert ranking_in(redis.get(key) or b"") == ranking  # type: ignore[arg-type]


@of_every_release
async def test_a_ranking_lives_longer_than_the_pages_that_were_read_from_it(
    searches: Searches, make_worker_service: StartWorker, redis: Redis
) -> None:
    make_worker_service(RESULT_TTL_S="100").start()
    query = SearchQuery(TEXT, k=5)
    await searches.page(query)
    assert 190_000 < redis.pttl(searches.key(query)) <= 200_000
    redis.pexpire(searches.key(query), 50_000)

    await searches.page(SearchQuery(TEXT, k=5, offset=5))

    assert 190_000 < redis.pttl(searches.key(query)) <= 200_000


@of_every_release
async def test_a_damaged_ranking_is_replaced(
    searches: Searches, make_worker_service: StartWorker, redis: Redis
) -> None:
    make_worker_service().start()
    query = SearchQuery(TEXT, k=5)
    first = await searches.page(query)
    redis.set(searches.key(query), packed_ranking(searches.ranking(query))[:-1])

    again = await searches.page(query)

    assert ids(again) == ids(first)
    assert list(searches.ranking(query).ids[:5]) == ids(first)


async def test_scans_that_take_too_long_do_not_stop_usual_searches(
    searches: Searches, make_worker_service: StartWorker, settings: Settings, gateway: GatewayLedger
) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute(SLOW_SCANS.encode())
    worker = make_worker_service(CATALOG_TIMEOUT_S="1")
    worker.start()

    deep = [await searches.submit(SearchQuery((TextPart(f"{n}"),), k=10, offset=60)) for n in range(12)]
    usual = [await searches.job(SearchQuery((TextPart(f"usual {n}"),), k=10)) for n in range(5)]
    ended = [await ended_job(gateway, job_id) for job_id in deep]

    assert {job.state for job in usual} == {JobState.SUCCEEDED}
    # The usual searches did not wait for the scans: the connections and threads were not all taken.
    last_usual = max(job.ended_ms or 0 for job in usual)
    assert sum((job.ended_ms or 0) > last_usual for job in ended) >= 6
    assert {job.failure.code for job in ended if job.failure is not None} == {"catalog_unavailable"}
    assert len([job for job in ended if job.failure is not None]) == len(deep)
    assert "breaker opens" not in worker.log_path.read_text()


async def test_searches_that_get_no_turn_for_a_scan_fail_as_overload(
    searches: Searches, make_worker_service: StartWorker, settings: Settings, gateway: GatewayLedger
) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute(SLOW_SCANS.encode())
    # Two scans run, and one search waits for its turn.
    make_worker_service(CATALOG_TIMEOUT_S="6", WORKER_CONCURRENCY="8", BATCH_MAX="1").start()

    deep = [await searches.submit(SearchQuery((TextPart(f"{n}"),), k=10, offset=60)) for n in range(9)]
    ended = [await ended_job(gateway, job_id) for job_id in deep]

    codes = [job.failure.code for job in ended if job.failure is not None]
    assert {*codes} == {"catalog_unavailable", "queue_full"}
    assert len(codes) == len(deep)
