"""A worker adds the numbers of albums by the values of each filter to results on request."""

import orjson
import psycopg

from common.filters import Filters
from common.ledger.gateway import GatewayLedger
from common.search_query import AlbumPart, SearchQuery, TextPart
from common.settings import Settings
from tests.integration.worker.conftest import StartWorker, ended_job
from tests.ledgers import submission_of


async def result_of(gateway: GatewayLedger, query: SearchQuery) -> dict[str, object]:
    accepted = await gateway.submit(submission_of(query))
    job = await ended_job(gateway, accepted.job_id)
    assert job.result is not None, job
    result: dict[str, object] = orjson.loads(job.result)
    return result


async def test_only_results_that_ask_for_facets_have_them(
    gateway: GatewayLedger, settings: Settings, make_worker_service: StartWorker
) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute(
            "UPDATE album_covers SET genre = 'Rock', release_year = 1994, pitchfork_score = 8.1, "
            "main_colour = 'red' WHERE id IN ('1', '2', '3')"
        )
    make_worker_service().start()

    plain = await result_of(gateway, SearchQuery((TextPart("red"),)))
    counted = await result_of(gateway, SearchQuery((TextPart("red"),), facets=True))
    filtered = await result_of(
        gateway, SearchQuery((AlbumPart("7"),), Filters(genres=("Rock",)), facets=True)
    )

    assert "facets" not in plain
    assert counted["results"] == plain["results"]
    everything = counted["facets"]
    assert everything == {
        "total_albums": 40,
        "genres": [{"genre": None, "count": 37}, {"genre": "Rock", "count": 3}],
        "decades": [{"decade": 1990, "count": 3}, {"decade": None, "count": 37}],
        "scores": [{"score": 8, "count": 3}, {"score": None, "count": 37}],
        "best_new_music": [
            {"best_new_music": True, "count": 0},
            {"best_new_music": False, "count": 40},
        ],
        "colors": [
            {"color": None, "hex": None, "count": 37},
            {"color": "red", "hex": "#d7262d", "count": 3},
        ],
    }
    facets = filtered["facets"]
    assert isinstance(facets, dict)
    assert facets["total_albums"] == filtered["total_results"] == 3
    assert facets["genres"] == everything["genres"]
    assert facets["decades"] == [{"decade": 1990, "count": 3}]


async def test_a_changed_catalog_is_counted_again(
    gateway: GatewayLedger, settings: Settings, make_worker_service: StartWorker
) -> None:
    assert settings.database_url is not None
    make_worker_service().start()
    await result_of(gateway, SearchQuery((TextPart("red"),), facets=True))

    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute("DELETE FROM album_covers WHERE id = '1'")
    after = await result_of(gateway, SearchQuery((TextPart("blue"),), facets=True))

    facets = after["facets"]
    assert isinstance(facets, dict)
    assert facets["total_albums"] == 39


#: SQL that delays every read of the albums that meet a filter.
SLOW_SCANS = """
ALTER FUNCTION facet_columns RENAME TO fast_facet_columns;
CREATE FUNCTION facet_columns(filters jsonb DEFAULT NULL) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
  IF filters IS NOT NULL THEN PERFORM pg_sleep(20); END IF;
  RETURN fast_facet_columns(filters);
END $$
"""


async def test_facets_that_get_no_turn_for_a_scan_fail_as_overload(
    gateway: GatewayLedger, settings: Settings, make_worker_service: StartWorker
) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute(SLOW_SCANS.encode())
    # Two scans run, and one search waits for its turn.
    make_worker_service(CATALOG_TIMEOUT_S="6", WORKER_CONCURRENCY="8", BATCH_MAX="1").start()

    jobs = [
        await gateway.submit(
            submission_of(
                SearchQuery((TextPart("red"),), Filters(artists=(f"Artist {n}",)), facets=True),
                query_key=f"{n}",
            )
        )
        for n in range(9)
    ]
    ended = [await ended_job(gateway, job.job_id) for job in jobs]

    codes = [job.failure.code for job in ended if job.failure is not None]
    assert {*codes} == {"catalog_unavailable", "queue_full"}
    assert len(codes) == len(jobs)
