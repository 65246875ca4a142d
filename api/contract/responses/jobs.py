"""Models of jobs."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.contract.requests.search_parameters import JOB_ID_EXAMPLE
from api.contract.responses.problems import CatalogProblem
from api.contract.responses.search_results import Result, Timings
from api.contract.responses.shared_schema import with_example
from common.jobs import JobState
from common.search_query import SearchQuery, TextPart, query_document

JOB_PATH_EXAMPLE = f"/api/jobs/{JOB_ID_EXAMPLE}"
JOB_EXAMPLE: dict[str, Any] = {
    "id": JOB_ID_EXAMPLE,
    "status": "queued",
    "query": query_document(SearchQuery((TextPart("dark ambient"),), k=1)),
    "created_at": "2025-01-31T12:00:00.000Z",
    "started_at": None,
    "completed_at": None,
    "queue_position": 1,
    "timings_ms": None,
    "cached": False,
    "coalesced": False,
    "error": None,
    "result": None,
    "urls": {
        "get": JOB_PATH_EXAMPLE,
        "cancel": f"{JOB_PATH_EXAMPLE}/cancel",
        "events": f"{JOB_PATH_EXAMPLE}/events",
    },
}


class Failure(BaseModel):
    """Why a job failed."""

    model_config = with_example(
        {"code": "no_worker", "detail": "no worker was ready before the deadline; start one and try again"}
    )

    code: str
    detail: str
    problem: CatalogProblem = ""


class JobUrls(BaseModel):
    """The paths to read, cancel and stream a job."""

    model_config = with_example(JOB_EXAMPLE["urls"])

    get: str
    cancel: str
    events: str


class Job(BaseModel):
    """A job: one submitted search."""

    model_config = with_example(JOB_EXAMPLE)

    id: Annotated[str, Field(description="The job's id, called `job_id` in paths and results.")]
    status: Annotated[str, Field(json_schema_extra={"enum": [state.value for state in JobState]})]
    query: dict[str, Any]
    created_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    started_at: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]
    completed_at: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]
    queue_position: Annotated[
        Annotated[int, Field(ge=1)] | None, Field(description="1 is the next job to be started.")
    ]
    timings_ms: Timings | None
    cached: bool
    coalesced: Annotated[bool, Field(description="The job shares the run of an identical query.")]
    error: Failure | None
    result: Result | None
    urls: JobUrls
