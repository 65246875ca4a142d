"""How jobs and results look over HTTP; results are finished bytes that nothing here parses."""

from datetime import UTC, datetime

import orjson
from fastapi.responses import Response

from common.jobs import Job, Timings
from common.ledger.records import RunAnswer
from common.results import with_job_id

JSON = "application/json"
#: A client may keep the answer but asks each time whether it still holds: ingest retires it at once.
REVALIDATE = "no-cache"
NEVER_STORE = "no-store"


def etag_of(query_key: str) -> str:
    """Return the tag of a search's answer; weak, because its timings and job id may differ."""
    return f'W/"{query_key[:32]}"'


def is_current(if_none_match: str | None, etag: str) -> bool:
    """Tell whether what there is now will do for the client: `*` stands for whatever it is."""
    return names_tag(if_none_match, etag) or names_tag(if_none_match, "*")


def names_tag(if_none_match: str | None, etag: str) -> bool:
    """Tell whether the client has this very answer (RFC 9110, 13.1.2: the comparison is weak)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag.removeprefix("W/") in tags


def not_modified(etag: str) -> Response:
    """Return a 304."""
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": REVALIDATE})


def cached_response(body: bytes, *, etag: str | None, took_ms: float, applied: str) -> Response:
    """Return a finished answer of the cache as it is."""
    timings = Timings.of(total_ms=took_ms, decode_ms=0, embed_ms=0, search_ms=0)
    headers = {
        "X-Cache": "hit",
        "Server-Timing": server_timing(timings.as_document()),
        "Cache-Control": REVALIDATE,
    }
    _add(headers, etag=etag, applied=applied)
    return Response(body, headers=headers, media_type=JSON)


def result_response(job: Job, *, etag: str | None, applied: str) -> Response:
    """Return the answer of a job that has succeeded."""
    answer = RunAnswer(job.result or b"", job.timings or {})
    return answer_response(answer, job_id=job.id, cache=cache_word(job), etag=etag, applied=applied)


def answer_response(
    answer: RunAnswer, *, job_id: str, cache: str, etag: str | None, applied: str
) -> Response:
    """Return the answer of the run that a job waited for; `cache` is what `X-Cache` says of the job."""
    headers = {
        "X-Cache": cache,
        "Server-Timing": server_timing(answer.timings),
        "Cache-Control": REVALIDATE,
    }
    _add(headers, etag=etag, applied=applied)
    return Response(with_job_id(answer.result, job_id), headers=headers, media_type=JSON)


def accepted_response(job: Job, *, retry_after_s: int, applied: str) -> Response:
    """Return 202 with the job and where to ask for it."""
    headers = {
        "Location": job_path(job.id),
        "Retry-After": str(retry_after_s),
        "X-Cache": cache_word(job),
        "Cache-Control": NEVER_STORE,
    }
    _add(headers, applied=applied)
    return Response(job_json(job), 202, headers, JSON)


def job_response(job: Job, *, retry_after_s: int, applied: str = "") -> Response:
    """Return a job as a poll sees it: 200, whatever became of it."""
    headers = {"Cache-Control": NEVER_STORE}
    if not job.state.is_terminal:
        headers["Retry-After"] = str(retry_after_s)
    if job.timings is not None:
        headers["Server-Timing"] = server_timing(job.timings)
    _add(headers, applied=applied)
    return Response(job_json(job), headers=headers, media_type=JSON)


def job_json(job: Job) -> bytes:
    """Return the job object of the HTTP contract."""
    path = job_path(job.id)
    result = _result(job)
    return orjson.dumps(
        {
            "id": job.id,
            "status": job.state.value,
            "query": job.query,
            "created_at": _time(job.created_ms),
            "started_at": _time(job.started_ms),
            "completed_at": _time(job.ended_ms),
            "queue_position": job.position,
            "timings_ms": job.timings,
            "cached": job.cached,
            "coalesced": job.coalesced,
            "error": job.failure and job.failure.as_document(),
            "result": result and orjson.Fragment(result),
            "urls": {"get": path, "cancel": f"{path}/cancel", "events": f"{path}/events"},
        }
    )


def job_path(job_id: str) -> str:
    """Return where a job stands."""
    return f"/api/jobs/{job_id}"


def cache_word(job: Job) -> str:
    """Return what `X-Cache` says of a job."""
    return "hit" if job.cached else run_word(coalesced=job.coalesced)


def run_word(*, coalesced: bool) -> str:
    """Return what `X-Cache` says of a job that its run has answered."""
    return "coalesced" if coalesced else "miss"


def server_timing(timings: dict[str, float]) -> str:
    """Return the stages of an answer as a `Server-Timing` header."""
    return ", ".join(f"{stage};dur={ms:g}" for stage, ms in timings.items())


def _add(headers: dict[str, str], *, etag: str | None = None, applied: str = "") -> None:
    if etag is not None:
        headers["ETag"] = etag
    if applied:
        headers["Preference-Applied"] = applied


def _result(job: Job) -> bytes | None:
    return None if job.result is None else with_job_id(job.result, job.id)


def _time(ms: int | None) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
