"""The job endpoints: read, wait for, stream and cancel a job."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from api.access.middleware import owner_of
from api.contract.openapi.response_descriptions import (
    NEVER_STORED,
    REQUEST_ID,
    RETRY_AFTER,
    SEARCH_HEADERS,
    answer,
    header,
    problems,
)
from api.contract.requests.prefer import decide_wait
from api.contract.requests.search_parameters import JOB_ID, PreferHeader, WaitParameters
from api.contract.responses.job_serialization import job_json
from api.contract.responses.jobs import Job
from api.http.middleware.request_context import client_gone
from api.lifespan import Gateway, gateway_of
from api.routes.search_responses import NEVER_STORE, server_timing
from api.routes.strict_route import StrictRoute
from api.search.job_events import stream_events
from common import jobs

router = APIRouter(tags=["jobs"], route_class=StrictRoute)

UNBUFFERED = {"X-Accel-Buffering": header("Tells nginx not to buffer the events.", "no")}
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
    summary="Return a job, or wait for its end",
    responses={200: answer("The job, in any state.", Job, headers=JOB_HEADERS), **JOB_PROBLEMS},
)
async def job(
    request: Request,
    job_id: JOB_ID,
    asked: Annotated[WaitParameters, Query()],
    headers: Annotated[PreferHeader, Header()],
) -> Response:
    """Return a job; with `wait`, first wait until the job has ended or the waiting time has passed."""
    preference = decide_wait(headers.prefer, parameter_s=asked.wait, default_s=0)
    gateway = gateway_of(request)
    found, retry_after_s = await gateway.searches.job(
        job_id, owner=owner_of(request), wait_s=preference.wait_s, client_gone=partial(client_gone, request)
    )
    return _response(found, retry_after_s, applied=preference.applied, gateway=gateway)


@router.post(
    "/api/jobs/{job_id}/cancel",
    summary="Cancel a job",
    responses={
        200: answer("The job; a job that had already ended is unchanged.", Job, headers=JOB_HEADERS),
        **JOB_PROBLEMS,
    },
)
async def cancel(request: Request, job_id: JOB_ID) -> Response:
    """Cancel a job. The job's run is canceled too, unless another job shares the run."""
    gateway, owner = gateway_of(request), owner_of(request)
    await gateway.ledger.cancel(job_id, owner=owner)
    found, retry_after_s = await gateway.ledger.job(job_id, owner=owner)
    return _response(found, retry_after_s, gateway=gateway)


@router.get(
    "/api/jobs/{job_id}/events",
    summary="Stream a job's states",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events named after the job's states, each with the job as data; "
            "a comment after every 15 s without an event; the stream closes after the last state.",
            "headers": {**NEVER_STORED, **UNBUFFERED, **REQUEST_ID},
            "content": {"text/event-stream": {"example": 'event: running\ndata: {"id":"…"}\n\n'}},
        },
        **JOB_PROBLEMS,
    },
)
async def events(request: Request, job_id: JOB_ID) -> Response:
    """Stream a job's states, from `queued` with the position in the queue to the final state."""
    gateway, owner = gateway_of(request), owner_of(request)
    first, _ = await gateway.ledger.job(job_id, owner=owner)
    stream = stream_events(
        first,
        owner=owner,
        ledger=gateway.ledger,
        waiters=gateway.waiters,
        path_prefix=gateway.settings.path_prefix,
        metadata=gateway.public_metadata,
    )
    headers = {"Cache-Control": NEVER_STORE, "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


def _response(found: jobs.Job, retry_after_s: int, *, gateway: Gateway, applied: str = "") -> Response:
    """Return a job with HTTP status 200, whatever the state of the job."""
    headers = {"Cache-Control": NEVER_STORE}
    if not found.state.is_terminal:
        headers["Retry-After"] = str(retry_after_s)
    if found.timings is not None:
        headers["Server-Timing"] = server_timing(found.timings)
    if applied:
        headers["Preference-Applied"] = applied
    body = job_json(found, path_prefix=gateway.settings.path_prefix, metadata=gateway.public_metadata)
    return Response(body, headers=headers, media_type="application/json")
