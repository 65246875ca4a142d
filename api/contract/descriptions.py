"""Describes the answers of an endpoint for the OpenAPI document: headers, models, problems."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

from pydantic import BaseModel

from api.contract import responses
from api.contract.problem_examples import problem_example
from api.contract.problems import CHALLENGE, CODINGS, MEDIA_TYPE, PROBLEMS_BY_CODE
from api.contract.responses import JOB_PATH_EXAMPLE
from common.images.formats.detection import ACCEPTED

Schema: TypeAlias = dict[str, Any]


def header(description: str, example: str | int) -> Schema:
    kind = "integer" if isinstance(example, int) else "string"
    return {"description": description, "schema": {"type": kind}, "example": example}


REQUEST_ID = {
    "X-Request-Id": header("Names this request in the log; the client's own is kept.", "5f0c2a9be1d3")
}
ETAG = {
    "ETag": header("Names this answer; send it back as `If-None-Match`.", 'W/"9f2c4f6f0c0b4a8e"'),
}
CACHE_CONTROL = {"Cache-Control": header("Whether the answer may be kept.", "no-cache")}
SEARCH_HEADERS = {
    "X-Cache": header("`hit`, `miss` or `coalesced` (shares an identical query's run).", "miss"),
    "Server-Timing": header("Milliseconds by stage.", "queue;dur=2.1, embed;dur=36, total;dur=47.5"),
    "Preference-Applied": header("What was honoured of `Prefer`.", "wait=5"),
    **CACHE_CONTROL,
}
ACCEPTED_HEADERS = {
    "Location": header("Where the job stands.", JOB_PATH_EXAMPLE),
    "Retry-After": header("When to ask again, in seconds.", 1),
    "X-Cache": SEARCH_HEADERS["X-Cache"],
    "Preference-Applied": header("What was honoured of `Prefer`.", "respond-async"),
    **CACHE_CONTROL,
}
RETRY_AFTER = {"Retry-After": header("When to try again, in seconds.", 2)}
WWW_AUTHENTICATE = {
    name: header("How to send a key; `X-API-Key` is taken too.", value) for name, value in CHALLENGE.items()
}
ACCEPT_ENCODING = {
    name: header("Where the body was compressed: as it may be sent.", value)
    for name, value in CODINGS.items()
}
#: On every answer under /api/ where the client has a limit.
RATE_LIMIT = {
    "RateLimit-Limit": header("Units that a window has.", 600),
    "RateLimit-Remaining": header("Units that are left.", 583),
    "RateLimit-Reset": header("Seconds until all of them are free again.", 47),
}
NEVER_STORED = {"Cache-Control": header("It may not be kept.", "no-store")}


def answer(
    description: str,
    model: type[BaseModel],
    *,
    headers: Mapping[str, Schema] | None = None,
    example: object = None,
) -> Schema:
    """Describe one JSON answer."""
    described = {"description": description, "model": model, "headers": {**(headers or {}), **REQUEST_ID}}
    if example is not None:
        described["content"] = {"application/json": {"example": example}}
    return described


def body_of(model: type[BaseModel]) -> Schema:
    """Describe a JSON body that the endpoint reads itself; `openapi` adds the model's schema."""
    return {"required": True, "content": {"application/json": {"schema": ref(model)}}}


def image_body() -> Schema:
    """Describe an image that is sent in a form, or as the body itself."""
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
    "description": "The client's copy still holds.",
    "headers": {**ETAG, **CACHE_CONTROL, **REQUEST_ID},
}


def problems(*codes: str) -> dict[int | str, Schema]:
    """Describe the problems an endpoint answers with, by status, each code with an example."""
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
                "schema": ref(responses.Problem),
                "examples": {code: {"value": problem_example(code)} for code in codes},
            }
        },
    }
