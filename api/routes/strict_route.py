"""A FastAPI route that refuses unknown and repeated parameters, and allows `%2F` in path parameters."""

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.routing import Match
from starlette.types import Scope

from api.contract.request_errors import InvalidRequest
from api.contract.request_parameters import NoParameters
from api.contract.validation import parameter_problems
from common.errors import InvalidParameter

Pairs: TypeAlias = list[tuple[str, str]]

#: The most fields of a query string; more than any valid request has.
FIELDS_MAX = 100
#: Headers that must not be repeated; FastAPI would use the last value.
SINGLE_HEADERS = ("Idempotency-Key",)


class StrictRoute(APIRoute):
    """Refuses unknown and repeated parameters by name, and a query string that is not UTF-8."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, preceded by the checks."""
        handle = super().get_route_handler()
        model = _query_model(self.endpoint)

        async def strict(request: Request) -> Response:
            pairs = _pairs(request.scope["query_string"])
            problems = _repeated(pairs, request, model)
            if problems or (pairs and model is NoParameters):
                problems += _other_problems(pairs, model)
            if problems:
                raise InvalidRequest(problems)
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise InvalidRequest(_problems(model, error)) from error

        return strict

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path before percent-decoding, so that a parameter may contain slashes as `%2F`."""
        if b"%" not in scope["raw_path"]:
            return super().matches(scope)
        segments = scope["raw_path"].split(b"/")
        # Normalize the encoding: `%61lbums` becomes `albums`.
        path = "/".join(quote(unquote_to_bytes(segment), safe="") for segment in segments)
        match, child = super().matches({**scope, "path": path})
        if match is not Match.NONE:
            child["path_params"] = {
                name: unquote(value, errors="surrogateescape") for name, value in child["path_params"].items()
            }
        return match, child


def _query_model(endpoint: Callable[..., Any]) -> type[BaseModel]:
    """Return the model of the endpoint's `Annotated[..., Query()]` parameter."""
    for hint in get_type_hints(endpoint, include_extras=True).values():
        if get_origin(hint) is not None and any(isinstance(extra, Query) for extra in get_args(hint)[1:]):
            model: type[BaseModel] = get_args(hint)[0]
            return model
    return NoParameters


def _pairs(query_string: bytes) -> Pairs:
    if not query_string:
        return []
    try:
        text = query_string.decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        problem = InvalidParameter(
            f"the query string is not UTF-8, or has more than {FIELDS_MAX} fields", parameter="query string"
        )
        raise InvalidRequest([problem]) from error


def _repeated(pairs: Pairs, request: Request, model: type[BaseModel]) -> list[InvalidParameter]:
    counts = Counter(name for name, _ in pairs)
    names = [name for name in model.model_fields if counts[name] > 1 and not _is_list(model, name)]
    names += [header for header in SINGLE_HEADERS if len(request.headers.getlist(header)) > 1]
    return [InvalidParameter(f"{name} is given twice", parameter=name) for name in names]


def _other_problems(pairs: Pairs, model: type[BaseModel]) -> list[InvalidParameter]:
    """Return the problems other than repetitions."""
    given: dict[str, Any] = {}
    for name, value in pairs:
        if _is_list(model, name):
            given.setdefault(name, []).append(value)
        else:
            given.setdefault(name, value)
    try:
        model.model_validate(given)
    except ValidationError as error:
        return parameter_problems(model, error.errors())
    return []


def _is_list(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is list


def _problems(model: type[BaseModel], error: RequestValidationError) -> list[InvalidParameter]:
    found = error.errors()
    in_query = [{**each, "loc": each["loc"][1:]} for each in found if each["loc"][0] == "query"]
    in_headers = [each for each in found if each["loc"][0] == "header"]
    return [
        *parameter_problems(model, in_query),
        *(_header_problem(str(each["loc"][1])) for each in in_headers),
    ]


def _header_problem(name: str) -> InvalidParameter:
    header = name.replace("_", "-").title()
    return InvalidParameter(f"{header} is one header of 1 to 255 visible ASCII characters", parameter=header)
