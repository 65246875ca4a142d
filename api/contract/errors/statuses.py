"""A table of the HTTP status, title and default `Retry-After` of each error class."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from api.contract.errors import request_errors
from common import errors
from common.errors import CoverSearchError


@dataclass(frozen=True, slots=True)
class Problem:
    """The HTTP status and title of one error class; the `code` is an attribute of the class."""

    status: int
    title: str
    #: The default `Retry-After` in seconds, which a measured value can replace; None means no header.
    retry_after_s: int | None = None


#: One row for each error class with its own code; other subclasses use the row of their base class.
PROBLEMS: Mapping[type[CoverSearchError], Problem] = MappingProxyType(
    {
        CoverSearchError: Problem(500, "Internal error"),
        errors.InvalidParameter: Problem(422, "Invalid parameter"),
        request_errors.InvalidRequest: Problem(422, "Invalid parameter"),
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
        request_errors.Unauthorized: Problem(401, "Unauthorized"),
        request_errors.Forbidden: Problem(403, "Forbidden"),
        request_errors.HeadersTooLarge: Problem(431, "Headers too large"),
        request_errors.RouteNotFound: Problem(404, "Not found"),
        request_errors.MethodNotAllowed: Problem(405, "Method not allowed"),
        request_errors.MalformedBody: Problem(400, "Malformed request"),
        request_errors.NotImplementedHere: Problem(501, "Not implemented"),
        request_errors.RangeNotSatisfiable: Problem(416, "Range not satisfiable"),
        request_errors.BodyTooLarge: Problem(413, "Body too large"),
        request_errors.UnsupportedMediaType: Problem(415, "Unsupported media type"),
        request_errors.RequestTimeout: Problem(408, "Request timeout"),
    }
)

#: The rows of PROBLEMS by error code, for failures that are read from the ledger.
PROBLEMS_BY_CODE: Mapping[str, Problem] = MappingProxyType(
    {kind.code: problem for kind, problem in PROBLEMS.items()}
)

INTERNAL = PROBLEMS[CoverSearchError]


def problem_of(error: CoverSearchError) -> Problem:
    """Return the row in PROBLEMS for the class of an error, or for its nearest base class that has a row."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
