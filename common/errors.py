"""The domain errors, each with a stable code and independent of HTTP.

CoverSearchError
├── SettingsError              a setting is unknown or malformed
├── InvalidParameter           one parameter of a query is out of its range
├── ImageError
│   ├── ImageTooLarge          too many bytes
│   ├── UnsupportedImage       not one of the accepted formats
│   ├── ImageTooManyPixels     refused from the header, before decoding
│   ├── ImageTooCostly         decoding takes, or is estimated to take, more CPU time than allowed
│   ├── UndecodableImage       the bytes do not decode
│   ├── DecoderDied            the decoder process was killed or timed out
│   ├── DecoderBusy            no decoder became free in time
│   └── ImageExpired           the uploaded bytes expired before a worker read them
├── JobNotFound
├── JobCanceled                canceled while a request waited for it
├── AlbumNotFound
├── IdempotencyConflict        the same Idempotency-Key with another request
├── QueueFull                  the service accepts no more jobs now
│   └── CatalogBusy            too many searches wait for a scan of the whole catalog
├── RateLimited                this client is over one of its limits
├── QueueUnavailable           Redis does not answer
├── NoWorker                   no ready worker can answer the search
├── UnknownQueryVersion        the query was made by a gateway of a later release
├── DeadlineExceeded
├── AttemptsExhausted          the job failed after too many attempts
├── ModelError
│   ├── ModelUnavailable       the model cannot be loaded
│   └── ModelMismatch          the catalog's vectors come from another model
└── CatalogError
    ├── CatalogUnavailable     transient: connection, timeout, 429, 5xx
    │   ├── CatalogReplaced    the albums were replaced while the call waited for them
    │   └── CatalogTimeout     the catalog did not answer in time
    │       └── ScanTimeout    a scan of all albums that meet the filters took too long
    ├── DamagedPrint           a stored print of a cover has an invalid length or content
    └── CatalogMisconfigured   permanent; the message says what to do
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class CoverSearchError(Exception):
    """The base class of all domain errors; each has a stable code and a message for the user."""

    code: ClassVar[str] = "internal"
    #: Whether the same call can succeed if it is repeated.
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def reason(self) -> str:
        """The message that the endpoint `/health` shows to operators."""
        return self.detail


class SettingsError(CoverSearchError):
    code = "invalid_setting"


class InvalidParameter(CoverSearchError):
    code = "invalid_parameter"

    def __init__(self, detail: str, *, parameter: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class ImageError(CoverSearchError):
    """An uploaded image cannot be used; `parameter` is the request parameter that contained it."""

    def __init__(self, detail: str, *, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.parameter = parameter


@contextmanager
def image_given_as(parameter: str) -> Iterator[None]:
    """Set `parameter` on each non-retryable image error that is raised in the `with` block."""
    try:
        yield
    except ImageError as error:
        if not error.retryable:
            error.parameter = parameter
        raise


class ImageTooLarge(ImageError):
    code = "image_too_large"


class UnsupportedImage(ImageError):
    code = "unsupported_image"


class ImageTooManyPixels(ImageError):
    code = "image_too_many_pixels"


class ImageTooCostly(ImageError):
    """Decoding the image takes more CPU time than allowed; another attempt would fail, too."""

    code = "image_too_costly"


class UndecodableImage(ImageError):
    code = "undecodable_image"


class DecoderDied(ImageError):
    """The decoder process ended before it had decoded the image, possibly because of the image."""

    code = "decoder_died"
    retryable = True


class DecoderBusy(ImageError):
    code = "decoder_busy"
    retryable = True


class ImageExpired(ImageError):
    code = "image_expired"


class JobNotFound(CoverSearchError):
    code = "job_not_found"


class JobCanceled(CoverSearchError):
    code = "job_canceled"


class AlbumNotFound(CoverSearchError):
    code = "album_not_found"


class IdempotencyConflict(CoverSearchError):
    code = "idempotency_conflict"


class QueueFull(CoverSearchError):
    code = "queue_full"
    retryable = True

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class CatalogBusy(QueueFull):
    """Too many searches wait for a scan of the whole catalog; the run fails at once."""


class RateLimited(CoverSearchError):
    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QueueUnavailable(CoverSearchError):
    code = "queue_unavailable"
    retryable = True


class NoWorker(CoverSearchError):
    code = "no_worker"
    retryable = True


class UnknownQueryVersion(CoverSearchError):
    """The query can be answered only by a worker of a later release; the run is given back to the queue."""

    retryable = True


class DeadlineExceeded(CoverSearchError):
    code = "deadline_exceeded"


class AttemptsExhausted(CoverSearchError):
    code = "attempts_exhausted"


class ModelError(CoverSearchError):
    """The model cannot be used with this catalog."""


class ModelUnavailable(ModelError):
    code = "model_unavailable"


class ModelMismatch(ModelError):
    code = "model_mismatch"


class CatalogError(CoverSearchError):
    """The catalog gave an unexpected answer."""


class CatalogUnavailable(CatalogError):
    code = "catalog_unavailable"
    retryable = True


class CatalogReplaced(CatalogUnavailable):
    """The albums were replaced while the call waited for them; a repeated call reads the new albums."""


class CatalogTimeout(CatalogUnavailable):
    """The catalog did not answer in time."""


class ScanTimeout(CatalogTimeout):
    """A scan of all albums that meet the filters took too long; another attempt would take as long."""

    retryable = False


class DamagedPrint(CatalogError):
    """A stored print of a cover has an invalid length or content; `python -m catalog prints` replaces it."""


class CatalogMisconfigured(CatalogError):
    """The catalog is configured wrongly; `problem` names the cause, and `detail` says what to do.

    `problem` is one of `rpc_missing`, `table_missing`, `pgvector_missing`, `bad_key`,
    `not_service_role`, `bad_url`, `wrong_dimension`, `wrong_database`, `rows_capped`, `changes_untracked`.
    """

    code = "catalog_misconfigured"

    def __init__(self, detail: str, *, problem: str) -> None:
        super().__init__(detail)
        self.problem = problem

    @property
    def reason(self) -> str:
        return f"{self.problem}: {self.detail}"
