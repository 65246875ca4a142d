"""`GET /api/ingests`: the progress of ingests, for admins."""

from typing import Any

import httpx
import pytest
from redis import Redis

from api.keys.key import Role
from common.ingest_reports.report import IngestPhase, IngestReport, IngestState, LeftOut
from common.ingest_reports.store import KEEP_REPORTS, LOST_AFTER_MS, IngestReportWriter
from common.redis import keyspace
from tests.integration.api.conftest import StartGateway
from tests.integration.api.keyed import new_key

PATH = "/api/ingests"


def put(redis: Redis, ingest_id: str = "a", **changes: Any) -> None:
    fields: dict[str, Any] = {
        "id": ingest_id,
        "name": "Music",
        "source": "music",
        "state": IngestState.RUNNING,
        "phase": IngestPhase.ALBUMS,
        "done": 20,
        "total": 120,
        "per_s": 4.0,
        "elapsed_s": 6.0,
    }
    IngestReportWriter(redis).put(IngestReport(**(fields | changes)))


def ingests(client: httpx.Client) -> list[dict[str, Any]]:
    answer = client.get(PATH)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: list[dict[str, Any]] = answer.json()["ingests"]
    return found


def test_without_an_ingest_the_list_is_empty(client: httpx.Client) -> None:
    assert ingests(client) == []


def test_a_running_ingest_shows_its_progress_rate_and_remaining_time(
    client: httpx.Client, redis: Redis
) -> None:
    put(redis, added=18, unchanged=1, left_out_by_reason={"missing_cover": 1})

    (found,) = ingests(client)

    assert (found["state"], found["phase"], found["done"], found["total"]) == ("running", "albums", 20, 120)
    assert (found["per_s"], found["remaining_s"]) == (4.0, 25.0)
    assert (found["added"], found["changed"], found["unchanged"], found["left_out"]) == (18, 0, 1, 1)


def test_without_a_rate_no_remaining_time_is_shown(client: httpx.Client, redis: Redis) -> None:
    put(redis, "no rate", per_s=None)
    put(redis, "no total", total=None)

    assert [one["remaining_s"] for one in ingests(client)] == [None, None]


def test_what_was_left_out_is_listed_with_the_reasons_most_frequent_first(
    client: httpx.Client, redis: Redis
) -> None:
    put(
        redis,
        state=IngestState.DONE,
        left_out_by_reason={"unreadable_file": 1, "missing_cover": 2},
        left_out=(LeftOut(3, "x", "unreadable_file", "/home/me/music/a.mp3: no tags"),),
    )

    (found,) = ingests(client)

    assert found["left_out"] == 3
    assert [*found["left_out_by_reason"].items()] == [("missing_cover", 2), ("unreadable_file", 1)]
    (line,) = found["first_left_out"]
    # As in all answers, paths are shortened to the name of the file.
    assert line == {"row": 3, "id": "x", "reason": "unreadable_file", "detail": "…/a.mp3: no tags"}


def test_two_ingests_at_once_are_both_shown_the_later_start_first(client: httpx.Client, redis: Redis) -> None:
    put(redis, "early", elapsed_s=60.0)
    put(redis, "late", elapsed_s=5.0)

    assert [(one["id"], one["state"]) for one in ingests(client)] == [
        ("late", "running"),
        ("early", "running"),
    ]


@pytest.mark.parametrize(("age_ms", "state"), [(LOST_AFTER_MS + 1, "lost"), (LOST_AFTER_MS // 5, "running")])
def test_an_ingest_that_stops_reporting_is_lost_after_ten_seconds(
    client: httpx.Client, redis: Redis, age_ms: int, state: str
) -> None:
    put(redis)
    redis.zincrby(keyspace.INGESTS, -age_ms, "a")

    (found,) = ingests(client)

    assert (found["state"], found["remaining_s"] is None) == (state, state == "lost")


def test_an_ended_ingest_is_never_lost(client: httpx.Client, redis: Redis) -> None:
    put(redis, state=IngestState.INTERRUPTED)
    redis.zincrby(keyspace.INGESTS, -3_600_000, "a")

    assert [one["state"] for one in ingests(client)] == ["interrupted"]


def test_only_the_latest_reports_are_kept_and_all_keys_expire(client: httpx.Client, redis: Redis) -> None:
    for number in range(KEEP_REPORTS + 3):
        put(redis, f"n{number:02}", elapsed_s=1000.0 - number)

    assert [one["id"] for one in ingests(client)] == [f"n{n:02}" for n in range(KEEP_REPORTS + 2, 2, -1)]
    keys = [*redis.scan_iter(f"{keyspace.INGEST}*"), keyspace.INGESTS.encode()]
    assert len(keys) == KEEP_REPORTS + 1
    assert all(redis.pttl(key) > 0 for key in keys)


def test_an_error_shows_no_password(client: httpx.Client, redis: Redis) -> None:
    put(redis, state=IngestState.FAILED, error="postgresql://me:secret@host/db does not answer")

    (found,) = ingests(client)

    assert found["error"] == "postgresql://…@host/db does not answer"


@pytest.mark.parametrize("auth", ["required", "optional"])
def test_only_an_admin_key_may_see_the_ingests(redis: Redis, start_gateway: StartGateway, auth: str) -> None:
    put(redis)
    with start_gateway(AUTH=auth).client() as client:
        nobody = client.get(PATH)
        other = client.get(PATH, headers=new_key(redis))
        admin = client.get(PATH, headers=new_key(redis, role=Role.ADMIN))

    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthorized")
    assert (other.status_code, other.json()["code"]) == (403, "forbidden")
    assert "Music" not in nobody.text + other.text
    assert admin.json()["ingests"][0]["name"] == "Music"


def test_a_query_parameter_is_refused(client: httpx.Client) -> None:
    assert client.get(f"{PATH}?k=1").status_code == 422
