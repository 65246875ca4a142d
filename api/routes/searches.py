"""The endpoints for searches by text, by image, by a composed query, and by similarity to an album."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from api.access.middleware import budget_of, client_of, max_jobs_of, owner_of
from api.access.rate_limits import IMAGE_COST
from api.contract.openapi.response_descriptions import (
    ACCEPTED_HEADERS,
    ETAG,
    NOT_MODIFIED,
    SEARCH_HEADERS,
    answer,
    body_of,
    image_body,
    problems,
)
from api.contract.requests.search_parameters import (
    ALBUM_ID,
    CacheableSearchHeaders,
    SearchBody,
    SearchHeaders,
    SearchParameters,
    TextSearch,
    WaitParameters,
    check_album_id,
)
from api.contract.responses.jobs import Job
from api.contract.responses.search_results import Result
from api.http.request_bodies.body_budget import Body
from api.http.request_bodies.image_header import check_image
from api.http.request_bodies.multipart import FILE_FIELD
from api.http.request_bodies.search_body import max_body_bytes
from api.http.request_bodies.uploads import declared_bytes, read_body, read_image
from api.lifespan import Gateway, gateway_of
from api.routes.search_responses import answer_search
from api.routes.strict_route import StrictRoute
from common.errors import image_given_as
from common.search_query import AlbumPart, ImagePart, SearchQuery, image_digest

router = APIRouter(tags=["search"], route_class=StrictRoute)

ACCEPTED_JOB = answer("The job: not ready in time, or `respond-async`.", Job, headers=ACCEPTED_HEADERS)
#: The maximum size in bytes of a body without images; before a longer body is read, limits are checked.
SMALL_BODY_BYTES = 64 * 1024
#: The error codes of every search endpoint.
SEARCH_PROBLEMS = (
    "invalid_parameter",
    "unauthorized",
    "rate_limited",
    "album_not_found",
    "idempotency_conflict",
    "job_canceled",
    "queue_full",
    "queue_unavailable",
    "no_worker",
    "model_unavailable",
    "model_mismatch",
    "catalog_unavailable",
    "catalog_misconfigured",
    "deadline_exceeded",
    "attempts_exhausted",
    "internal",
)
IMAGE_PROBLEMS = (
    "image_too_large",
    "unsupported_image",
    "undecodable_image",
    "image_too_many_pixels",
    "image_too_costly",
    "decoder_died",
    "decoder_busy",
    "image_expired",
    "malformed_body",
    "unsupported_media_type",
    "request_timeout",
)
_FOUND = "The most similar albums."


@router.get(
    "/api/search-by-text",
    summary="Search by a text description",
    responses={
        200: answer(_FOUND, Result, headers={**SEARCH_HEADERS, **ETAG}),
        202: ACCEPTED_JOB,
        304: NOT_MODIFIED,
        **problems(*SEARCH_PROBLEMS),
    },
)
async def search_by_text(
    request: Request,
    asked: Annotated[TextSearch, Query()],
    headers: Annotated[CacheableSearchHeaders, Header()],
) -> Response:
    """Find the albums whose covers best match a description.

    The request waits for the result by default; a repeated query is answered from the cache.
    """
    query = asked.search()
    gateway_of(request).repeated_queries.remember(request.scope, query)
    return await answer_search(request, query, wait_s=asked.wait, headers=headers)


@router.get(
    "/api/albums/{album_id}/similar",
    summary="Find albums similar to an album",
    responses={
        200: answer(_FOUND, Result, headers={**SEARCH_HEADERS, **ETAG}),
        202: ACCEPTED_JOB,
        304: NOT_MODIFIED,
        **problems(*SEARCH_PROBLEMS),
    },
)
async def similar(
    request: Request,
    album_id: ALBUM_ID,
    asked: Annotated[SearchParameters, Query()],
    headers: Annotated[CacheableSearchHeaders, Header()],
) -> Response:
    """Find the albums whose covers are most similar to this album's; the album itself is excluded."""
    query = asked.search_for(AlbumPart(check_album_id(album_id)))
    gateway_of(request).repeated_queries.remember(request.scope, query)
    return await answer_search(request, query, wait_s=asked.wait, headers=headers)


@router.post(
    "/api/search-by-image",
    summary="Search by an image",
    responses={
        200: answer(_FOUND, Result, headers=SEARCH_HEADERS),
        202: ACCEPTED_JOB,
        **problems(*SEARCH_PROBLEMS, *IMAGE_PROBLEMS),
    },
    openapi_extra={"requestBody": image_body()},
)
async def search_by_image(
    request: Request,
    asked: Annotated[SearchParameters, Query()],
    headers: Annotated[SearchHeaders, Header()],
) -> Response:
    """Find the albums whose covers are most similar to an uploaded image of at most 10 MB.

    The image is sent in a form or as the body itself. The format of the image is detected from its content.
    """
    gateway = gateway_of(request)
    await _check_room(request, gateway)
    with gateway.body_budget.body() as body:
        query = asked.search_for(await _read_image(request, body, gateway))
        return await answer_search(request, query, wait_s=asked.wait, headers=headers, body=body)


async def _read_image(request: Request, body: Body, gateway: Gateway) -> ImagePart:
    data = await read_image(request, body, max_bytes=gateway.settings.max_image_bytes)
    digest, body.decode_cost_s = await asyncio.get_running_loop().run_in_executor(
        gateway.inspection, _inspect, data, gateway
    )
    body.images = ((digest, data),)
    return ImagePart(digest)


@router.post(
    "/api/search",
    summary="Search by a composed query",
    responses={
        200: answer(_FOUND, Result, headers=SEARCH_HEADERS),
        202: ACCEPTED_JOB,
        **problems(*SEARCH_PROBLEMS, *IMAGE_PROBLEMS, "body_too_large"),
    },
    openapi_extra={"requestBody": body_of(SearchBody)},
)
async def search(
    request: Request,
    asked: Annotated[WaitParameters, Query()],
    headers: Annotated[SearchHeaders, Header()],
) -> Response:
    """Find the albums nearest to a weighted sum of texts, images and albums.

    A part with a negative weight moves the results away from the part. Albums that the query names are
    excluded from the results.
    """
    gateway = gateway_of(request)
    declared = declared_bytes(request)
    if declared is None or declared > SMALL_BODY_BYTES:
        await _check_room(request, gateway)
    with gateway.body_budget.body() as body:
        query = await _read_query(request, body, gateway)
        return await answer_search(request, query, wait_s=asked.wait, headers=headers, body=body)


async def _read_query(request: Request, body: Body, gateway: Gateway) -> SearchQuery:
    data = await read_body(request, body, max_bytes=max_body_bytes(gateway.settings.max_image_bytes))
    query, body.images, body.decode_cost_s = await asyncio.get_running_loop().run_in_executor(
        gateway.inspection, gateway.search_bodies.read, data
    )
    return query


async def _check_room(request: Request, gateway: Gateway) -> None:
    """Refuse an upload before reading it if the rate limit or the ledger would refuse its job."""
    budget_of(request).expect(IMAGE_COST)
    await gateway.ledger.check_room(
        owner=owner_of(request),
        client=client_of(request),
        max_jobs=max_jobs_of(request),
        image_bytes=min(declared_bytes(request) or 0, gateway.settings.max_image_bytes),
    )


def _inspect(data: bytes, gateway: Gateway) -> tuple[str, float]:
    settings = gateway.settings
    with image_given_as(FILE_FIELD):
        cost_s = check_image(data, max_pixels=settings.max_image_pixels, max_cost_s=settings.decode_cpu_s)
    return image_digest(data), cost_s
