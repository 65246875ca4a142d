"""A job's JSON contains timestamps and either the error or the result, which carries this job's id."""

import json
from dataclasses import replace

import pytest

from api.contract.public_metadata import PublicMetadata
from api.contract.responses import jobs
from api.contract.responses.job_serialization import job_json
from common.catalog.protocol import Matches
from common.errors import CatalogMisconfigured
from common.jobs import Job, JobFailure, JobState, Timings
from common.result_json import result_json
from common.search_query import SearchQuery, TextPart

TIMINGS = Timings.of(total_ms=12.3, decode_ms=1, embed_ms=7, search_ms=2)
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
    result=result_json(Matches(), query=SearchQuery((TextPart("a"),)), model="m", timings=TIMINGS),
)
QUEUED = replace(
    JOB, state=JobState.QUEUED, started_ms=None, ended_ms=None, position=1, timings=None, result=None
)
FAILED = replace(JOB, state=JobState.FAILED, failure=JobFailure("no_worker", "none"), result=None)


def test_a_job_shows_its_result_under_its_own_id_and_its_times_in_utc() -> None:
    document = json.loads(job_json(JOB, path_prefix="", metadata=PublicMetadata()))

    assert document["result"]["job_id"] == "ab12"
    assert document["created_at"] == "2023-11-14T22:13:20.000Z"
    assert document["started_at"] == "2023-11-14T22:13:20.250Z"
    assert document["urls"] == {
        "get": "/api/jobs/ab12",
        "cancel": "/api/jobs/ab12/cancel",
        "events": "/api/jobs/ab12/events",
    }


def test_a_failed_job_shows_its_error_and_no_result() -> None:
    document = json.loads(job_json(FAILED, path_prefix="", metadata=PublicMetadata()))

    assert document["status"] == "failed"
    assert document["error"] == {"code": "no_worker", "detail": "none"}
    assert document["result"] is None


def test_a_job_that_failed_on_a_misconfigured_catalog_names_the_problem() -> None:
    failure = JobFailure.of(CatalogMisconfigured("apply the schema", problem="rpc_missing"))

    document = json.loads(
        job_json(replace(FAILED, failure=failure), path_prefix="", metadata=PublicMetadata())
    )

    assert document["error"] == {
        "code": "catalog_misconfigured",
        "detail": "apply the schema",
        "problem": "rpc_missing",
    }


@pytest.mark.parametrize("job", [JOB, QUEUED, FAILED], ids=["succeeded", "queued", "failed"])
def test_a_job_matches_its_model(job: Job) -> None:
    document = json.loads(job_json(job, path_prefix="", metadata=PublicMetadata()))

    described = jobs.Job.model_validate(document)

    assert set(document) == set(jobs.Job.model_fields)
    assert described.model_dump(mode="json", exclude_unset=True) == document
