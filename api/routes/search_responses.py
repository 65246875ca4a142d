"""Converts an HTTP request to a `Search`, and the outcome of the search to an HTTP response."""

from dataclasses import replace
from functools import partial

from fastapi import Request
from fastapi.responses import Response
from starlette.types import Scope

from api.access.middleware import budget_of, client_of, idempotency_name, max_jobs_of, owner_of
from api.contract.errors.problem_details import failure_response
from api.contract.public_metadata import PublicMetadata
from api.contract.requests.prefer import WaitPreference, decide_wait
from api.contract.requests.search_parameters import CacheableSearchHeaders, SearchHeaders
from api.contract.responses.job_serialization import job_json, job_path
from api.http.etags import REVALIDATE, names_tag, not_modified, result_etag
from api.http.middleware.request_context import client_gone
from api.http.request_bodies.body_budget import Body
from api.lifespan import Gateway, gateway_of
from api.metrics.recorder import CacheUse
from api.search.submit_and_wait import Answered, Cached, Failed, Outcome, Pending, Search, Unchanged
from common.jobs import Timings
from common.result_json import with_job_id
from common.search_query import SearchQuery

JSON = "application/json"
NEVER_STORE = "no-store"


async def answer_search(
    request: Request,
    query: SearchQuery,
    *,
    wait_s: float | None,
    headers: SearchHeaders,
    body: Body | None = None,
) -> Response:
    """Run a search and return the response, with an ETag if the request is a GET."""
    gateway = gateway_of(request)
    gateway.public_metadata.check(query.filters)
    preference = decide_wait(headers.prefer, parameter_s=wait_s, default_s=gateway.settings.default_wait_s)
    key = headers.idempotency_key
    search = Search(
        query=query,
        owner=owner_of(request),
        wait_s=preference.wait_s,
        at_once=preference.at_once,
        max_jobs=max_jobs_of(request),
        client=client_of(request) if body is not None else "",
        uploads=body,
        idempotency_key=None if key is None else idempotency_name(request, key),
    )
    etag_suffix = None
    if isinstance(headers, CacheableSearchHeaders):
        etag_suffix = gateway.public_metadata.etag_suffix(query)
        search = replace(search, holds=partial(holds, headers.if_none_match, etag_suffix=etag_suffix))
    outcome = await gateway.searches.answer(
        search, budget=budget_of(request), client_gone=partial(client_gone, request)
    )
    gateway.recorder.count_cache_use(cache_use(outcome))
    return response_of(
        outcome,
        preference,
        etag_suffix=etag_suffix,
        path_prefix=gateway.settings.path_prefix,
        metadata=gateway.public_metadata,
    )


async def cached_response(scope: Scope, query: SearchQuery, if_none_match: list[str]) -> Response | None:
    """Return the cached response to a plain GET, or None if there is none."""
    gateway: Gateway = scope["app"].state.gateway
    metadata = gateway.public_metadata
    metadata.check(query.filters)
    etag_suffix = metadata.etag_suffix(query)
    outcome = await gateway.searches.cached(
        query, holds=partial(holds, if_none_match, etag_suffix=etag_suffix)
    )
    if outcome is None:
        return None
    gateway.recorder.count_cache_use("hit")
    # A cached answer contains no job path, so no path prefix is needed.
    return response_of(
        outcome, WaitPreference(wait_s=0), etag_suffix=etag_suffix, path_prefix="", metadata=metadata
    )


def holds(if_none_match: list[str], query_key: str, *, etag_suffix: str = "") -> bool:
    """Tell whether `If-None-Match` contains the ETag of the answer to a query key."""
    return bool(if_none_match) and names_tag(if_none_match, result_etag(query_key, etag_suffix))


def response_of(
    outcome: Outcome,
    preference: WaitPreference,
    *,
    etag_suffix: str | None,
    path_prefix: str,
    metadata: PublicMetadata,
) -> Response:
    """Convert the outcome of a search to a response.

    A result is already JSON, and is sent without parsing unless it contains metadata that is not public. The
    response has no ETag if `etag_suffix` is None.
    """
    match outcome:
        case Unchanged(query_key):
            return not_modified(result_etag(query_key, etag_suffix or ""))
        case Cached(body):
            shown = replace(outcome, body=metadata.of_result(body))
            return _cached(shown, preference, etag_suffix=etag_suffix)
        case Answered(body):
            answered = replace(outcome, body=metadata.of_result(body))
            return _answered(answered, preference, etag_suffix=etag_suffix)
        case Pending(job):
            document = job_json(job, path_prefix=path_prefix, metadata=metadata)
            location = job_path(job.id, path_prefix=path_prefix)
            return _pending(outcome, preference, body=document, location=location)
        case Failed(failure):
            return failure_response(failure)


def cache_use(outcome: Outcome) -> CacheUse:
    """Return how the cache was used for an accepted search; a failed search has missed the cache."""
    match outcome:
        case Unchanged() | Cached():
            return "hit"
        case Answered(cached=cached, coalesced=coalesced):
            return cache_word(cached=cached, coalesced=coalesced)
        case Pending(job):
            return cache_word(cached=job.cached, coalesced=job.coalesced)
        case Failed():
            return "miss"


def _cached(outcome: Cached, preference: WaitPreference, *, etag_suffix: str | None) -> Response:
    timings = Timings.of(total_ms=outcome.took_ms, decode_ms=0, embed_ms=0, search_ms=0)
    headers = _result_headers("hit", timings.as_document(), preference)
    if etag_suffix is not None:
        headers["ETag"] = result_etag(outcome.query_key, etag_suffix)
    return Response(outcome.body, headers=headers, media_type=JSON)


def _answered(outcome: Answered, preference: WaitPreference, *, etag_suffix: str | None) -> Response:
    word = cache_word(cached=outcome.cached, coalesced=outcome.coalesced)
    headers = _result_headers(word, outcome.timings, preference)
    if etag_suffix is not None and outcome.query_key is not None:
        headers["ETag"] = result_etag(outcome.query_key, etag_suffix)
    return Response(with_job_id(outcome.body, outcome.job_id), headers=headers, media_type=JSON)


def _pending(outcome: Pending, preference: WaitPreference, *, body: bytes, location: str) -> Response:
    job = outcome.job
    headers = {
        "Location": location,
        "Retry-After": str(outcome.retry_after_s),
        "X-Cache": cache_word(cached=job.cached, coalesced=job.coalesced),
        "Cache-Control": NEVER_STORE,
        **_applied(preference),
    }
    return Response(body, 202, headers, JSON)


def _result_headers(cache: str, timings: dict[str, float], preference: WaitPreference) -> dict[str, str]:
    return {
        "X-Cache": cache,
        "Server-Timing": server_timing(timings),
        "Cache-Control": REVALIDATE,
        **_applied(preference),
    }


def _applied(preference: WaitPreference) -> dict[str, str]:
    return {"Preference-Applied": preference.applied} if preference.applied else {}


def cache_word(*, cached: bool, coalesced: bool) -> CacheUse:
    """Return the value of `X-Cache`."""
    if cached:
        return "hit"
    return "coalesced" if coalesced else "miss"


def server_timing(timings: dict[str, float]) -> str:
    """Return the stages of an answer as the value of `Server-Timing`."""
    return ", ".join(f"{stage};dur={ms:g}" for stage, ms in timings.items())
