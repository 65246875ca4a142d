"""Adds examples, rate limits and security to the OpenAPI document that FastAPI generates."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.contract.openapi.problem_examples import problem_example
from api.contract.openapi.response_descriptions import RATE_LIMIT
from api.contract.requests.search_parameters import SearchBody
from api.contract.responses import (
    albums,
    explanations,
    facets,
    genres_and_stats,
    health,
    ingests,
    jobs,
    problems,
    search_results,
    service,
)
from common.version import VERSION

DESCRIPTION = """Find album covers that look like an image, a description, or another album.

By default a search waits for its result; with `Prefer: respond-async` it returns 202 with a job.
Errors are `application/problem+json` with a stable `code`.
"""
#: The prefix of the paths that may require an API key and whose responses have `RateLimit-*` headers.
GUARDED = "/api/"

SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}

_MODELS: list[tuple[type[BaseModel], JsonSchemaMode]] = [
    (SearchBody, "validation"),
    *(
        (model, "serialization")
        for module in (
            albums,
            genres_and_stats,
            explanations,
            facets,
            health,
            ingests,
            jobs,
            problems,
            search_results,
            service,
        )
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel
    ),
]

Schema = dict[str, Any]


def install_openapi(app: FastAPI, *, auth: str, path_prefix: str) -> None:
    """Make `app.openapi` return the completed OpenAPI document; `auth` is the value of the setting AUTH."""

    def document() -> Schema:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, path_prefix=path_prefix)
            if auth != "off":
                _add_security(app.openapi_schema, is_optional=auth == "optional")
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI documents this way to extend it


def _document(app: FastAPI, *, path_prefix: str) -> Schema:
    document = get_openapi(
        title="cover-search",
        version=VERSION,
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": path_prefix}] if path_prefix else None,
    )
    # FastAPI drops nulls from examples and omits the models of bodies that it does not parse, so this
    # function replaces the schemas.
    _, models = models_json_schema(_MODELS, ref_template="#/components/schemas/{model}")
    models["$defs"]["Problem"]["example"] = problem_example("invalid_parameter")
    document["components"]["schemas"] = models["$defs"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["parameters"] = [_parameter(each) for each in operation.get("parameters", [])]
            _add_rate_limits(operation["responses"], is_guarded=path.startswith(GUARDED))
    return document


def _parameter(parameter: Schema) -> Schema:
    """Set a parameter's example, and remove null from its type, because a query string cannot hold null."""
    schema = {name: value for name, value in parameter["schema"].items() if name != "title"}
    some = [each for each in schema.pop("anyOf", ()) if each.get("type") != "null"]
    if some:
        schema = {**some[0], **schema}
    if schema.get("default", ...) is None:
        del schema["default"]
    schema.pop("description", None)
    examples = schema.pop("examples", None) or parameter.pop("examples", None)
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()
    return {**parameter, "schema": schema, "example": examples[0]}


def _add_rate_limits(answers: Schema, *, is_guarded: bool) -> None:
    for status, answer in answers.items():
        # A request to any other path counts towards the rate limit only if its API key is invalid.
        if is_guarded or status in {"401", "429"}:
            answer["headers"] = {**answer["headers"], **RATE_LIMIT}


def _add_security(document: Schema, *, is_optional: bool) -> None:
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    either: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            needed = path.startswith(GUARDED) and not is_optional
            operation["security"] = either if needed else [{}, *either]
