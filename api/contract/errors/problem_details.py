"""The answers to failed requests: problem documents (RFC 9457) with their headers."""

from collections.abc import Mapping, Sequence

import orjson
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from api.contract.errors.request_errors import (
    InvalidRequest,
    RangeNotSatisfiable,
    Unauthorized,
    UnsupportedContentCoding,
)
from api.contract.errors.statuses import INTERNAL, PROBLEMS_BY_CODE, Problem, problem_of
from common.errors import (
    CatalogMisconfigured,
    CoverSearchError,
    ImageError,
    InvalidParameter,
    QueueFull,
    RateLimited,
)
from common.jobs import JobFailure
from common.logs import request_id_var

MEDIA_TYPE = "application/problem+json"
#: The key in the ASGI scope under which a sent problem document leaves its code.
PROBLEM_CODE = "cover-search.problem_code"
#: Problem types are URNs, because a self-hosted service has no fixed host that could serve URLs.
TYPE_PREFIX = "urn:cover-search:problem:"

INTERNAL_DETAIL = "the service failed unexpectedly; its log names this request id"
#: Added to the response if a request body has an unsupported content coding (RFC 9110, 15.5.16).
CODINGS = {"Accept-Encoding": "identity"}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="cover-search"'}


class ProblemResponse(Response):
    """A problem document."""

    media_type = MEDIA_TYPE

    def __init__(self, document: Mapping[str, object], status: int, headers: Mapping[str, str]) -> None:
        super().__init__(orjson.dumps(document), status, headers)
        self._code = document["code"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PROBLEM_CODE] = self._code
        await super().__call__(scope, receive, send)


def error_response(error: CoverSearchError, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response with the problem document of an error."""
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
    """Return the response to a search whose job failed while the client waited."""
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
    """Return a 500 response that contains the request id and no details of the error."""
    return _response(INTERNAL, code=CoverSearchError.code, detail=INTERNAL_DETAIL)


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
    return ProblemResponse(document, problem.status, sent)
