"""Jobs: look, wait, follow, call off."""

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from api.access.middleware import owner_of
from api.contract.operations import (
    NEVER_STORED,
    PREFER,
    REQUEST_ID,
    RETRY_AFTER,
    SEARCH_HEADERS,
    answer,
    header,
    path,
    problems,
    query,
)
from api.contract.parameters import WAIT
from api.contract.prefer import decide_patience
from api.contract.query_string import QueryString
from api.contract.schemas import JOB_ID_EXAMPLE
from api.contract.search_responses import NEVER_STORE, job_response
from api.http.search_headers import preferences_of
from api.routes.plain import PlainRoute
from api.runtime import gateway_of
from api.search.job_events import follow

router = APIRouter(tags=["jobs"], route_class=PlainRoute)

JOB_ID = path("job_id", "The job's id.", example=JOB_ID_EXAMPLE, max_length=64)
UNBUFFERED = {"X-Accel-Buffering": header("Tells nginx to pass events on as they come.", "no")}
JOB_HEADERS = {
    **NEVER_STORED,
    **RETRY_AFTER,
    "Server-Timing": SEARCH_HEADERS["Server-Timing"],
    "Preference-Applied": SEARCH_HEADERS["Preference-Applied"],
}
JOB_PROBLEMS = problems(
    "invalid_parameter", "unauthorized", "rate_limited", "job_not_found", "queue_unavailable", "internal"
)


@router.get(
    "/api/jobs/{job_id}",
    summary="Look at a job, or wait for its end",
    responses={
        200: answer("The job, whatever became of it.", "Job", headers=JOB_HEADERS),
        **JOB_PROBLEMS,
    },
    openapi_extra={"parameters": [JOB_ID, query(WAIT), PREFER]},
)
async def job(request: Request) -> Response:
    """Return a job; with `wait`, when it has ended or the time is up."""
    given = QueryString(request.scope["query_string"], (WAIT,))
    wait_s = given.one(WAIT)
    given.check()
    patience = decide_patience(preferences_of(request), parameter_s=wait_s, default_s=0)
    found, retry_after_s = await gateway_of(request).searches.job(
        request.path_params["job_id"], owner=owner_of(request), wait_s=patience.wait_s, request=request
    )
    return job_response(found, retry_after_s=retry_after_s, applied=patience.applied)


@router.post(
    "/api/jobs/{job_id}/cancel",
    summary="Call a job off",
    responses={
        200: answer("The job; one that had ended stays as it was.", "Job", headers=JOB_HEADERS),
        **JOB_PROBLEMS,
    },
    openapi_extra={"parameters": [JOB_ID]},
)
async def cancel(request: Request) -> Response:
    """Call a job off. Its run ends too, unless an identical query shares it."""
    QueryString(request.scope["query_string"], ()).check()
    ledger, owner = gateway_of(request).ledger, owner_of(request)
    job_id = request.path_params["job_id"]
    await ledger.cancel(job_id, owner=owner)
    found, retry_after_s = await ledger.job(job_id, owner=owner)
    return job_response(found, retry_after_s=retry_after_s)


@router.get(
    "/api/jobs/{job_id}/events",
    summary="Follow a job",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events named after the job's states, each with the job; "
            "a comment every 15 s; closes after the last.",
            "headers": {**NEVER_STORED, **UNBUFFERED, **REQUEST_ID},
            "content": {"text/event-stream": {"example": 'event: running\ndata: {"id":"…"}\n\n'}},
        },
        **JOB_PROBLEMS,
    },
    openapi_extra={"parameters": [JOB_ID]},
)
async def events(request: Request) -> Response:
    """Stream what becomes of a job: `queued` with its position, `running`, and how it ended."""
    QueryString(request.scope["query_string"], ()).check()
    gateway, owner = gateway_of(request), owner_of(request)
    first = await gateway.ledger.job(request.path_params["job_id"], owner=owner)
    stream = follow(first[0], owner=owner, ledger=gateway.ledger, waiting=gateway.waiting)
    headers = {"Cache-Control": NEVER_STORE, "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")
