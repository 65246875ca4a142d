"""OpenAPI descriptions of response headers, response models and problem documents."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

from pydantic import BaseModel

from api.contract.errors.problem_details import CHALLENGE, CODINGS, MEDIA_TYPE
from api.contract.errors.statuses import PROBLEMS_BY_CODE
from api.contract.openapi.problem_examples import problem_example
from api.contract.responses.jobs import JOB_PATH_EXAMPLE
from api.contract.responses.problems import Problem
from common.images.formats.detection import ACCEPTED

Schema: TypeAlias = dict[str, Any]


def header(description: str, example: str | int) -> Schema:
    """Describe one response header."""
    kind = "integer" if isinstance(example, int) else "string"
    return {"description": description, "schema": {"type": kind}, "example": example}


REQUEST_ID = {
    "X-Request-Id": header(
        "Identifies this request in the log; a valid id from the client is kept.", "5f0c2a9be1d3"
    )
}
ETAG = {
    "ETag": header("Identifies this answer; send it back as `If-None-Match`.", 'W/"9f2c4f6f0c0b4a8e"'),
}
CACHE_CONTROL = {"Cache-Control": header("Whether and how the answer may be cached.", "no-cache")}
SEARCH_HEADERS = {
    "X-Cache": header("`hit`, `miss` or `coalesced` (shares an identical query's run).", "miss"),
    "Server-Timing": header("Milliseconds of each stage.", "queue;dur=2.1, embed;dur=36, total;dur=47.5"),
    "Preference-Applied": header("The preferences of `Prefer` that were applied.", "wait=5"),
    **CACHE_CONTROL,
}
ACCEPTED_HEADERS = {
    "Location": header("The path of the job.", JOB_PATH_EXAMPLE),
    "Retry-After": header("Seconds until the job should be polled.", 1),
    "X-Cache": SEARCH_HEADERS["X-Cache"],
    "Preference-Applied": header("The preferences of `Prefer` that were applied.", "respond-async"),
    **CACHE_CONTROL,
}
RETRY_AFTER = {"Retry-After": header("Seconds until the request should be repeated.", 2)}
WWW_AUTHENTICATE = {
    name: header("How to send a key; `X-API-Key` is accepted too.", value)
    for name, value in CHALLENGE.items()
}
ACCEPT_ENCODING = {
    name: header("If the body was compressed: the coding to use instead.", value)
    for name, value in CODINGS.items()
}
#: The headers of every response under /api/ to a client with a rate limit.
RATE_LIMIT = {
    "RateLimit-Limit": header("The number of units in a rate-limit window.", 600),
    "RateLimit-Remaining": header("The number of units left.", 583),
    "RateLimit-Reset": header("Seconds until all units are available again.", 47),
}
NEVER_STORED = {"Cache-Control": header("The answer must not be cached.", "no-store")}


def answer(
    description: str,
    model: type[BaseModel],
    *,
    headers: Mapping[str, Schema] | None = None,
    example: object = None,
) -> Schema:
    """Describe one JSON response."""
    described = {"description": description, "model": model, "headers": {**(headers or {}), **REQUEST_ID}}
    if example is not None:
        described["content"] = {"application/json": {"example": example}}
    return described


def body_of(model: type[BaseModel]) -> Schema:
    """Describe a JSON request body that FastAPI does not parse; `document.py` adds the model's schema."""
    return {"required": True, "content": {"application/json": {"schema": ref(model)}}}


def image_body() -> Schema:
    """Describe a request body that is an image or a form with an image."""
    image = {"type": "string", "format": "binary", "description": f"{ACCEPTED}."}
    example = "(the bytes of cover.jpg)"
    form = {
        "type": "object",
        "properties": {"file": image},
        "required": ["file"],
        "additionalProperties": False,
    }
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form, "example": {"file": example}},
            "image/*": {"schema": image, "example": example},
            "application/octet-stream": {"schema": image, "example": example},
        },
    }


def ref(model: type[BaseModel]) -> Schema:
    """Return a reference to the schema of a model."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


NOT_MODIFIED: Schema = {
    "description": "The client's copy is current.",
    "headers": {**ETAG, **CACHE_CONTROL, **REQUEST_ID},
}
_CATALOG_PROBLEMS = (
    "invalid_parameter",
    "unauthorized",
    "rate_limited",
    "queue_unavailable",
    "catalog_unavailable",
    "catalog_misconfigured",
    "internal",
)


def catalog_answers(
    description: str, model: type[BaseModel], *, further_problems: Sequence[str] = ()
) -> dict[int | str, Schema]:
    """Describe all responses of an endpoint that reads the catalog and answers with an ETag."""
    return {
        200: answer(description, model, headers={**ETAG, **CACHE_CONTROL}),
        304: NOT_MODIFIED,
        **problems(*_CATALOG_PROBLEMS, *further_problems),
    }


def problems(*codes: str) -> dict[int | str, Schema]:
    """Describe the error responses of an endpoint by HTTP status, with an example for each error code."""
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[PROBLEMS_BY_CODE[code].status].append(code)
    return {status: _problem(status, found) for status, found in sorted(by_status.items())}


def _problem(status: int, codes: Sequence[str]) -> Schema:
    headers = {**NEVER_STORED, **REQUEST_ID}
    if any(PROBLEMS_BY_CODE[code].retry_after_s is not None for code in codes):
        headers |= RETRY_AFTER
    if status == HTTPStatus.UNAUTHORIZED:
        headers |= WWW_AUTHENTICATE
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        headers |= ACCEPT_ENCODING
    return {
        "description": " or ".join(f"`{code}`: {PROBLEMS_BY_CODE[code].title}" for code in codes),
        "headers": headers,
        "content": {
            MEDIA_TYPE: {
                "schema": ref(Problem),
                "examples": {code: {"value": problem_example(code)} for code in codes},
            }
        },
    }
