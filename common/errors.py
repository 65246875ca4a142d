"""The errors of the domain; each carries a stable code and knows nothing of HTTP.

CoverSearchError
├── SettingsError              a setting is unknown or malformed
├── InvalidParameter           one parameter of a query is out of its range
├── ImageError
│   ├── ImageTooLarge          too many bytes
│   ├── UnsupportedImage       not one of the accepted formats
│   ├── ImageTooManyPixels     refused from the header, before decoding
│   ├── ImageTooCostly         decoding takes, or would take, more CPU than one image may
│   ├── UndecodableImage       the bytes do not decode
│   ├── DecoderDied            its process was killed, or ran out of time and was ended
│   ├── DecoderBusy            no decoder became free in time
│   └── ImageExpired           a worker came too late for the uploaded bytes
├── JobNotFound
├── JobCanceled                called off while a request waited for it
├── AlbumNotFound
├── IdempotencyConflict        the same Idempotency-Key with another request
├── QueueFull                  the service cannot take more now
├── RateLimited                this client cannot have more now
├── QueueUnavailable           Redis does not answer
├── NoWorker                   the deadline passed and no worker was alive
├── DeadlineExceeded
├── AttemptsExhausted          the job was given up after too many attempts
├── ModelError
│   ├── ModelUnavailable       the model cannot be loaded
│   └── ModelMismatch          the catalog's vectors come from another model
└── CatalogError
    ├── CatalogUnavailable     may pass: connection, timeout, 429, 5xx
    └── CatalogMisconfigured   will not pass by itself; says what to do
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class CoverSearchError(Exception):
    """An error with a stable code and a sentence for the person who meets it."""

    code: ClassVar[str] = "internal"
    #: Whether the same call may succeed a moment later.
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def reason(self) -> str:
        """What an operator reads who asks why the service is not ready."""
        return self.detail


class SettingsError(CoverSearchError):
    code = "invalid_setting"


class InvalidParameter(CoverSearchError):
    code = "invalid_parameter"

    def __init__(self, detail: str, *, parameter: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class ImageError(CoverSearchError):
    """Something about an uploaded image is not acceptable; `parameter` is where it was given."""

    def __init__(self, detail: str, *, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.parameter = parameter


@contextmanager
def image_given_as(parameter: str) -> Iterator[None]:
    """Name the parameter in what turns out to be wrong with its image, not in what may pass by itself."""
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
    """Decoding takes more CPU than one image may; another attempt would take as much."""

    code = "image_too_costly"


class UndecodableImage(ImageError):
    code = "undecodable_image"


class DecoderDied(ImageError):
    """The process that decoded the image ended, by the image's doing or by chance."""

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


class DeadlineExceeded(CoverSearchError):
    code = "deadline_exceeded"


class AttemptsExhausted(CoverSearchError):
    code = "attempts_exhausted"


class ModelError(CoverSearchError):
    """The model cannot serve this catalog."""


class ModelUnavailable(ModelError):
    code = "model_unavailable"


class ModelMismatch(ModelError):
    code = "model_mismatch"


class CatalogError(CoverSearchError):
    """The catalog did not answer as it must."""


class CatalogUnavailable(CatalogError):
    code = "catalog_unavailable"
    retryable = True


class CatalogMisconfigured(CatalogError):
    """The catalog is set up wrongly; `problem` names what, `detail` says what to do.

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
