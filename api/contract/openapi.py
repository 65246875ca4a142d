"""The OpenAPI document of the gateway: what FastAPI collects, with our schemas put in."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.access.middleware import GUARDED
from api.contract.operations import RATE_LIMIT
from api.contract.problem_examples import problem_example
from api.contract.schemas import SCHEMAS
from api.http.search_body import SearchBody
from api.version import VERSION

DESCRIPTION = """Find album covers that look like an image, a description, or another album.

A search waits for its answer by default; with `Prefer: respond-async` it answers 202 with a job.
Errors are `application/problem+json` with a stable `code`.
"""


SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same."},
}


def install_openapi(app: FastAPI, *, auth: str) -> None:
    """Make `app.openapi` return the whole document; `auth` is the setting."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
            if auth != "off":
                _add_security(app.openapi_schema, is_optional=auth == "optional")
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(title="cover-search", version=VERSION, description=DESCRIPTION, routes=app.routes)
    _, bodies = models_json_schema([(SearchBody, "validation")], ref_template="#/components/schemas/{model}")
    problem = {**SCHEMAS["Problem"], "example": problem_example("invalid_parameter")}
    found["components"] = {"schemas": {**SCHEMAS, **bodies["$defs"], "Problem": problem}}
    _add_rate_limits(found)
    return found


def _add_rate_limits(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                # Elsewhere only guessing at keys is counted.
                if path.startswith(GUARDED) or status in {"401", "429"}:
                    answer["headers"] = {**answer["headers"], **RATE_LIMIT}


def _add_security(document: dict[str, Any], *, is_optional: bool) -> None:
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    either: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            needed = path.startswith(GUARDED) and not is_optional
            operation["security"] = either if needed else [{}, *either]
