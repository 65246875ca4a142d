"""Errors as responses: `application/problem+json`, with the headers that belong to them."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.contract.http_errors import (
    InvalidRequest,
    MalformedBody,
    MethodNotAllowed,
    RangeNotSatisfiable,
    RouteNotFound,
    Unauthorized,
    UnsupportedContentCoding,
)
from api.contract.problems import INTERNAL, PROBLEMS_BY_CODE, Problem, problem_of
from common.errors import (
    CatalogMisconfigured,
    CoverSearchError,
    ImageError,
    InvalidParameter,
    QueueFull,
    RateLimited,
)
from common.jobs import JobFailure
from common.telemetry import request_id_var

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
#: Problem types are names, not addresses: a self-hosted service has no home page of its own.
TYPE_PREFIX = "urn:cover-search:problem:"

INTERNAL_DETAIL = "the service failed unexpectedly; its log names this request id"
CLIENT_CLOSED_REQUEST = 499
#: The codings that a request's body may have, for one that had another (RFC 9110, section 15.5.16).
CODINGS = {"Accept-Encoding": "identity"}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="cover-search"'}


def error_response(error: CoverSearchError, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem document of an error."""
    problem = problem_of(error)
    if problem is INTERNAL:
        return internal_response()
    retry_after_s = problem.retry_after_s
    if isinstance(error, QueueFull | RateLimited):
        retry_after_s = error.retry_after_s
    if isinstance(error, Unauthorized):
        headers = {**(headers or {}), **CHALLENGE}
    if isinstance(error, UnsupportedContentCoding):
        headers = {**(headers or {}), **CODINGS}
    if isinstance(error, RangeNotSatisfiable):
        headers = {**(headers or {}), "Content-Range": f"bytes */{error.size_bytes}"}
    return _response(
        problem,
        code=error.code,
        detail=error.detail,
        parameters=_parameters(error),
        catalog_problem=error.problem if isinstance(error, CatalogMisconfigured) else None,
        retry_after_s=retry_after_s,
        headers=headers,
    )


def failure_response(failure: JobFailure) -> Response:
    """Return the problem document of a failed job, for the request that waited for it."""
    problem = PROBLEMS_BY_CODE.get(failure.code, INTERNAL)
    if problem is INTERNAL:
        return internal_response()
    parameters: tuple[InvalidParameter, ...] = ()
    if failure.parameter is not None:
        parameters = (InvalidParameter(failure.detail, parameter=failure.parameter),)
    return _response(
        problem,
        code=failure.code,
        detail=failure.detail,
        parameters=parameters,
        catalog_problem=failure.problem,
        retry_after_s=problem.retry_after_s,
    )


def internal_response() -> Response:
    """Return a 500 that tells the request id and nothing else."""
    return _response(INTERNAL, code=CoverSearchError.code, detail=INTERNAL_DETAIL)


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of the application, and those of the framework, a problem document."""

    @app.exception_handler(CoverSearchError)
    async def on_domain_error(_request: Request, error: CoverSearchError) -> Response:
        if problem_of(error) is INTERNAL:
            log.error("a request failed", exc_info=error)
        return error_response(error)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        return error_response(_refusal(request, error), headers=error.headers)

    @app.exception_handler(ClientDisconnect)
    async def on_client_gone(_request: Request, _error: ClientDisconnect) -> Response:
        # Nobody reads it; the status is for the log.
        return Response(status_code=CLIENT_CLOSED_REQUEST)


def _refusal(request: Request, error: HTTPException) -> CoverSearchError:
    match error.status_code:
        case 404:
            return RouteNotFound(f"there is nothing at {request.url.path}")
        case 405:
            return MethodNotAllowed(f"{request.url.path} does not take {request.method}")
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return MalformedBody(str(error.detail))
        case _:
            return CoverSearchError(str(error.detail))


def _parameters(error: CoverSearchError) -> Sequence[InvalidParameter]:
    if isinstance(error, InvalidParameter):
        return (error,)
    if isinstance(error, ImageError) and error.parameter is not None:
        return (InvalidParameter(error.detail, parameter=error.parameter),)
    return error.problems if isinstance(error, InvalidRequest) else ()


def _response(
    problem: Problem,
    *,
    code: str,
    detail: str,
    parameters: Sequence[InvalidParameter] = (),
    catalog_problem: str | None = None,
    retry_after_s: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    document: dict[str, object] = {
        "type": TYPE_PREFIX + code,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "code": code,
        "request_id": request_id_var.get(),
    }
    if parameters:
        document["errors"] = [{"parameter": p.parameter, "detail": p.detail} for p in parameters]
    if catalog_problem is not None:
        document["problem"] = catalog_problem
    sent = {"Cache-Control": "no-store", **(headers or {})}
    if retry_after_s is not None:
        sent["Retry-After"] = str(retry_after_s)
    return Response(orjson.dumps(document), problem.status, sent, MEDIA_TYPE)
