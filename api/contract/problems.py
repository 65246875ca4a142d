"""Problem documents (RFC 9457): one table maps each error type to its HTTP status and title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import orjson
from fastapi.responses import Response

from api.contract import http_errors
from api.contract.http_errors import (
    InvalidRequest,
    RangeNotSatisfiable,
    Unauthorized,
    UnsupportedContentCoding,
)
from common import errors
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
#: Problem types are URNs, not URLs: a self-hosted service has no fixed host to serve them from.
TYPE_PREFIX = "urn:cover-search:problem:"

INTERNAL_DETAIL = "the service failed unexpectedly; its log names this request id"
#: The header of answers to a body with an unsupported content coding (RFC 9110, section 15.5.16).
CODINGS = {"Accept-Encoding": "identity"}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="cover-search"'}


@dataclass(frozen=True, slots=True)
class Problem:
    """HTTP status and title of one error class; the `code` is an attribute of the class."""

    status: int
    title: str
    #: The default of `Retry-After`; some errors carry a measured value.
    retry_after_s: int | None = None


#: One row for each error class with its own code; subclasses without one use their base class's row.
PROBLEMS: Mapping[type[CoverSearchError], Problem] = MappingProxyType(
    {
        CoverSearchError: Problem(500, "Internal error"),
        errors.InvalidParameter: Problem(422, "Invalid parameter"),
        http_errors.InvalidRequest: Problem(422, "Invalid parameter"),
        errors.ImageTooLarge: Problem(413, "Image too large"),
        errors.UnsupportedImage: Problem(415, "Unsupported image format"),
        errors.ImageTooManyPixels: Problem(422, "Image has too many pixels"),
        errors.ImageTooCostly: Problem(422, "Image is too costly to decode"),
        errors.UndecodableImage: Problem(422, "Image cannot be decoded"),
        errors.DecoderDied: Problem(503, "Decoder died", retry_after_s=1),
        errors.DecoderBusy: Problem(503, "Decoder busy", retry_after_s=2),
        errors.ImageExpired: Problem(503, "Image expired", retry_after_s=1),
        errors.JobNotFound: Problem(404, "Job not found"),
        errors.JobCanceled: Problem(409, "Job canceled"),
        errors.AlbumNotFound: Problem(404, "Album not found"),
        errors.IdempotencyConflict: Problem(409, "Idempotency key used with another request"),
        errors.QueueFull: Problem(503, "Queue full", retry_after_s=1),
        errors.RateLimited: Problem(429, "Rate limited", retry_after_s=1),
        errors.QueueUnavailable: Problem(503, "Queue unavailable", retry_after_s=2),
        errors.NoWorker: Problem(503, "No worker", retry_after_s=5),
        errors.DeadlineExceeded: Problem(504, "Deadline exceeded"),
        errors.AttemptsExhausted: Problem(500, "Attempts exhausted"),
        errors.ModelUnavailable: Problem(503, "Model unavailable", retry_after_s=30),
        errors.ModelMismatch: Problem(503, "Model does not match the catalog", retry_after_s=30),
        errors.CatalogUnavailable: Problem(503, "Catalog unavailable", retry_after_s=2),
        errors.CatalogMisconfigured: Problem(503, "Catalog misconfigured", retry_after_s=30),
        http_errors.Unauthorized: Problem(401, "Unauthorized"),
        http_errors.Forbidden: Problem(403, "Forbidden"),
        http_errors.HeadersTooLarge: Problem(431, "Headers too large"),
        http_errors.RouteNotFound: Problem(404, "Not found"),
        http_errors.MethodNotAllowed: Problem(405, "Method not allowed"),
        http_errors.MalformedBody: Problem(400, "Malformed request"),
        http_errors.NotImplementedHere: Problem(501, "Not implemented"),
        http_errors.RangeNotSatisfiable: Problem(416, "Range not satisfiable"),
        http_errors.BodyTooLarge: Problem(413, "Body too large"),
        http_errors.UnsupportedMediaType: Problem(415, "Unsupported media type"),
        http_errors.RequestTimeout: Problem(408, "Request timeout"),
    }
)

#: The same rows by code, for failures that are read from the ledger.
PROBLEMS_BY_CODE: Mapping[str, Problem] = MappingProxyType(
    {kind.code: problem for kind, problem in PROBLEMS.items()}
)

INTERNAL = PROBLEMS[CoverSearchError]


def problem_of(error: CoverSearchError) -> Problem:
    """Return the row in PROBLEMS for the class of an error, or for its nearest base class that has a row."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)


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
    """Return the problem document of a failed job, for a search that waited for it."""
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
    """Return a 500 that contains the request id and no details of the error."""
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
    return Response(orjson.dumps(document), problem.status, sent, MEDIA_TYPE)
