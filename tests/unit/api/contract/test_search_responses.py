"""Finished results are sent as they are, but for the id of the client's own job."""

import json
from dataclasses import replace

import pytest

from api.contract.search_responses import (
    cached_response,
    etag_of,
    is_current,
    job_json,
    names_tag,
    result_response,
)
from common.errors import CatalogMisconfigured
from common.jobs import Job, JobFailure, JobState, Timings
from common.results import RESULT_PREFIX, result_json

TIMINGS = Timings.of(total_ms=12.3, decode_ms=1, embed_ms=7, search_ms=2)
RESULT = result_json([], query_type="text", model="m", timings=TIMINGS)

JOB = Job(
    id="ab12",
    run_id="cd34",
    state=JobState.SUCCEEDED,
    query={"type": "text"},
    created_ms=1_700_000_000_000,
    started_ms=1_700_000_000_250,
    ended_ms=1_700_000_001_000,
    position=None,
    cached=False,
    coalesced=False,
    attempts=1,
    timings=TIMINGS.as_document(),
    failure=None,
    result=RESULT,
)


def test_an_answer_names_its_own_job_in_the_place_of_the_null() -> None:
    response = result_response(JOB, etag=None, applied="")

    assert RESULT.startswith(RESULT_PREFIX)
    assert json.loads(bytes(response.body)) == {**json.loads(RESULT), "job_id": "ab12"}


def test_a_cached_answer_is_sent_byte_for_byte() -> None:
    response = cached_response(RESULT, etag='W/"x"', took_ms=0.4, applied="")

    assert response.body == RESULT
    assert response.headers["x-cache"] == "hit"
    assert response.headers["etag"] == 'W/"x"'


def test_the_stages_of_a_cached_answer_add_up_too() -> None:
    response = cached_response(RESULT, etag=None, took_ms=0.44, applied="")

    assert response.headers["server-timing"] == (
        "queue;dur=0.4, decode;dur=0, embed;dur=0, search;dur=0, total;dur=0.4"
    )


@pytest.mark.parametrize(("coalesced", "word"), [(False, "miss"), (True, "coalesced")])
def test_an_answer_says_whether_it_shared_a_run(*, coalesced: bool, word: str) -> None:
    response = result_response(replace(JOB, coalesced=coalesced), etag=None, applied="")

    assert response.headers["x-cache"] == word


def test_server_timing_names_the_stages_of_the_run() -> None:
    response = result_response(JOB, etag=None, applied="")

    assert response.headers["server-timing"] == (
        "queue;dur=2.3, decode;dur=1, embed;dur=7, search;dur=2, total;dur=12.3"
    )


def test_a_job_shows_its_result_under_its_own_id_and_its_times_in_utc() -> None:
    document = json.loads(job_json(JOB))

    assert document["result"]["job_id"] == "ab12"
    assert document["created_at"] == "2023-11-14T22:13:20.000Z"
    assert document["started_at"] == "2023-11-14T22:13:20.250Z"
    assert document["urls"] == {
        "get": "/api/jobs/ab12",
        "cancel": "/api/jobs/ab12/cancel",
        "events": "/api/jobs/ab12/events",
    }


def test_a_failed_job_shows_why_and_no_result() -> None:
    failed = replace(JOB, state=JobState.FAILED, failure=JobFailure("no_worker", "none"), result=None)

    document = json.loads(job_json(failed))

    assert document["status"] == "failed"
    assert document["error"] == {"code": "no_worker", "detail": "none"}
    assert document["result"] is None


def test_a_job_that_failed_of_the_catalogs_setup_names_the_problem() -> None:
    failure = JobFailure.of(CatalogMisconfigured("apply the schema", problem="rpc_missing"))
    failed = replace(JOB, state=JobState.FAILED, failure=failure, result=None)

    document = json.loads(job_json(failed))

    assert document["error"] == {
        "code": "catalog_misconfigured",
        "detail": "apply the schema",
        "problem": "rpc_missing",
    }


@pytest.mark.parametrize(
    ("given", "current"),
    [
        (None, False),
        ('W/"abc"', True),
        ('"abc"', True),
        ('"other", W/"abc"', True),
        ('"other"', False),
        ("*", True),
    ],
)
def test_tags_are_compared_weakly(given: str | None, *, current: bool) -> None:
    assert is_current(given, 'W/"abc"') is current


def test_any_tag_is_not_this_tag() -> None:
    assert names_tag('"other", W/"abc"', 'W/"abc"')
    assert not names_tag("*", 'W/"abc"')
    assert not names_tag(None, 'W/"abc"')


def test_the_tag_of_an_answer_follows_its_query_key() -> None:
    assert etag_of("a" * 64) != etag_of("b" * 64)
