"""The three ways to search: by image, by text, and by both and more in one composed query."""

import asyncio
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.admission import client_of, expect, max_jobs_of, owner_of
from api.composing import SearchBody
from api.gateway import Gateway, gateway_of
from api.images import check_image
from api.openapi.operations import (
    ACCEPTED_HEADERS,
    ETAG,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    PREFER,
    SEARCH_HEADERS,
    answer,
    problems,
    query,
)
from api.parameters import QUERY, SEARCH, TEXT_SEARCH, WAIT
from api.query_string import QueryString
from api.rates import IMAGE_COST
from api.reading import read_search
from api.receiving import Body
from api.routes.plain import PlainRoute
from api.uploads import FILE_FIELD, declared_bytes, read_body, read_image
from common.errors import image_given_as
from common.filetypes.formats import ACCEPTED as ACCEPTED_FORMATS
from common.queries import ImagePart, SearchQuery, TextPart, image_digest

router = APIRouter(tags=["search"], route_class=PlainRoute)

ACCEPTED = answer("Accepted; not ready in time, or `respond-async`.", "Job", headers=ACCEPTED_HEADERS)
#: Longer query strings are read each time: what is remembered must stay small.
REMEMBERED_BYTES = 1024
#: Longer bodies hold images: whether there is room for them is asked before they are read.
SMALL_BODY_BYTES = 64 * 1024
#: What any search may end with.
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


@router.get(
    "/api/search-by-text",
    summary="Search by a description",
    responses={
        200: answer("The most similar albums.", "Result", headers={**SEARCH_HEADERS, **ETAG}),
        202: ACCEPTED,
        304: NOT_MODIFIED,
        **problems(*SEARCH_PROBLEMS),
    },
    openapi_extra={
        "parameters": [
            *(query(parameter, required=parameter is QUERY) for parameter in TEXT_SEARCH),
            PREFER,
            IDEMPOTENCY_KEY,
            IF_NONE_MATCH,
        ]
    },
)
async def search_by_text(request: Request) -> Response:
    """Find the albums whose covers look most like a description.

    Waits for the answer by default; the same query again comes from the cache.
    """
    gateway = gateway_of(request)
    asked, wait_s = _text_search(request.scope["query_string"])
    search = read_search(request, asked, wait_s=wait_s, default_wait_s=gateway.settings.default_wait_s)
    return await gateway.searches.answer(search, request)


def read_text_search(query_string: bytes) -> tuple[SearchQuery, float | None]:
    """Return the query of a text search, and how long to wait for its answer.

    Raises:
        InvalidRequest: it is none.
    """
    given = QueryString(query_string, TEXT_SEARCH)
    text, k, filters, wait_s = given.required(QUERY), given.k(), given.filters(), given.one(WAIT)
    given.check()
    return SearchQuery((TextPart(text or ""),), filters, k), wait_s


# A query string means the same each time, and reading it would be a third of a cached answer's time.
_read_again = lru_cache(maxsize=4096)(read_text_search)


def _text_search(query_string: bytes) -> tuple[SearchQuery, float | None]:
    is_short = len(query_string) <= REMEMBERED_BYTES
    return (_read_again if is_short else read_text_search)(query_string)


_UPLOAD: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": f"{ACCEPTED_FORMATS}; of an animation the first frame.",
                    }
                },
                "required": ["file"],
                "additionalProperties": False,
            },
            "example": {"file": "(the bytes of cover.jpg)"},
        }
    },
}


@router.post(
    "/api/search-by-image",
    summary="Search by a cover",
    responses={
        200: answer("The most similar albums.", "Result", headers=SEARCH_HEADERS),
        202: ACCEPTED,
        **problems(*SEARCH_PROBLEMS, *IMAGE_PROBLEMS),
    },
    openapi_extra={
        "requestBody": _UPLOAD,
        "parameters": [*(query(parameter) for parameter in SEARCH), PREFER, IDEMPOTENCY_KEY],
    },
)
async def search_by_image(request: Request) -> Response:
    """Find the albums whose covers look most like an uploaded image of at most 10 MB."""
    gateway = gateway_of(request)
    given = QueryString(request.scope["query_string"], SEARCH)
    k, filters, wait_s = given.k(), given.filters(), given.one(WAIT)
    given.check()
    await _see_that_there_is_room(request, gateway)
    with gateway.receiving.body() as body:
        asked = SearchQuery((await _receive_image(request, body, gateway),), filters, k)
        search = read_search(
            request, asked, wait_s=wait_s, default_wait_s=gateway.settings.default_wait_s, body=body
        )
        return await gateway.searches.answer(search, request)


async def _receive_image(request: Request, body: Body, gateway: Gateway) -> ImagePart:
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
        200: answer("The most similar albums.", "Result", headers=SEARCH_HEADERS),
        202: ACCEPTED,
        **problems(*SEARCH_PROBLEMS, *IMAGE_PROBLEMS, "body_too_large"),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SearchBody"}}},
        },
        "parameters": [query(WAIT), PREFER, IDEMPOTENCY_KEY],
    },
)
async def search(request: Request) -> Response:
    """Find the albums nearest to a weighted sum of texts, images and albums.

    A negative weight steers away from its part; the albums of the query are not among its results.
    """
    gateway = gateway_of(request)
    given = QueryString(request.scope["query_string"], (WAIT,))
    wait_s = given.one(WAIT)
    given.check()
    declared = declared_bytes(request)
    if declared is None or declared > SMALL_BODY_BYTES:
        await _see_that_there_is_room(request, gateway)
    with gateway.receiving.body() as body:
        asked = await _receive_query(request, body, gateway)
        search = read_search(
            request, asked, wait_s=wait_s, default_wait_s=gateway.settings.default_wait_s, body=body
        )
        return await gateway.searches.answer(search, request)


async def _receive_query(request: Request, body: Body, gateway: Gateway) -> SearchQuery:
    data = await read_body(request, body, max_bytes=SearchBody.max_bytes(gateway.settings.max_image_bytes))
    asked, body.images, body.decode_cost_s = await asyncio.get_running_loop().run_in_executor(
        gateway.inspection, gateway.composer.compose, data
    )
    return asked


async def _see_that_there_is_room(request: Request, gateway: Gateway) -> None:
    """Turn an upload away before it is read where it would be turned away after."""
    expect(request, IMAGE_COST)
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
