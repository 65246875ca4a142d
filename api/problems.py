"""How every error looks over HTTP: one table from its type to a status and a title (RFC 9457)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from api import refusals
from common import errors
from common.errors import CoverSearchError


@dataclass(frozen=True, slots=True)
class Problem:
    """One row: what clients see of one kind of error; the code stands in the error's class."""

    status: int
    title: str
    #: Sent as `Retry-After` where the error itself does not know better.
    retry_after_s: int | None = None


#: Every error with a code of its own; its subclasses without one look like it.
PROBLEMS: Mapping[type[CoverSearchError], Problem] = MappingProxyType(
    {
        CoverSearchError: Problem(500, "Internal error"),
        errors.InvalidParameter: Problem(422, "Invalid parameter"),
        refusals.InvalidRequest: Problem(422, "Invalid parameter"),
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
        refusals.Unauthorized: Problem(401, "Unauthorized"),
        refusals.Forbidden: Problem(403, "Forbidden"),
        refusals.HeadersTooLarge: Problem(431, "Headers too large"),
        refusals.RouteNotFound: Problem(404, "Not found"),
        refusals.MethodNotAllowed: Problem(405, "Method not allowed"),
        refusals.MalformedBody: Problem(400, "Malformed request"),
        refusals.NotImplementedHere: Problem(501, "Not implemented"),
        refusals.RangeNotSatisfiable: Problem(416, "Range not satisfiable"),
        refusals.BodyTooLarge: Problem(413, "Body too large"),
        refusals.UnsupportedMediaType: Problem(415, "Unsupported media type"),
        refusals.RequestTimeout: Problem(408, "Request timeout"),
    }
)

#: The same rows by code, for a job's failure that comes out of the ledger.
PROBLEMS_BY_CODE: Mapping[str, Problem] = MappingProxyType(
    {kind.code: problem for kind, problem in PROBLEMS.items()}
)

INTERNAL = PROBLEMS[CoverSearchError]


def problem_of(error: CoverSearchError) -> Problem:
    """Return the row of an error: its own, or that of the nearest class above it."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
