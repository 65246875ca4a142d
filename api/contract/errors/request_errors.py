"""Errors of the HTTP layer, which refuse a request before it reaches the search use case.

CoverSearchError
├── InvalidRequest        one or more invalid parameters, each with its own message
├── RouteNotFound
├── MethodNotAllowed
├── MalformedBody         not well-formed HTTP, or the body is not well-formed multipart or JSON
├── NotImplementedHere    an HTTP method or transfer coding that the service does not implement
├── RangeNotSatisfiable   a byte range beyond the end of a file
├── BodyTooLarge          a JSON body above the maximum size
├── HeadersTooLarge
├── Unauthorized          a required key is missing, or a key is not valid
├── Forbidden             the API key lacks the right, or CORS_ORIGINS does not list the page's origin
├── UnsupportedMediaType
│   └── UnsupportedContentCoding   a compressed body
└── RequestTimeout        the headers or the body did not arrive in time
"""

from collections.abc import Sequence

from common.errors import CoverSearchError, InvalidParameter

#: The maximum number of problems that one response lists.
PROBLEMS_MAX = 20


class InvalidRequest(CoverSearchError):
    code = "invalid_parameter"

    def __init__(self, problems: Sequence[InvalidParameter]) -> None:
        self.problems = tuple(problems[:PROBLEMS_MAX])
        super().__init__("; ".join(problem.detail for problem in self.problems))


class RouteNotFound(CoverSearchError):
    code = "not_found"


class MethodNotAllowed(CoverSearchError):
    code = "method_not_allowed"


class MalformedBody(CoverSearchError):
    code = "malformed_body"


class NotImplementedHere(CoverSearchError):
    code = "not_implemented"


class RangeNotSatisfiable(CoverSearchError):
    code = "range_not_satisfiable"

    def __init__(self, detail: str, *, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        super().__init__(detail)


class BodyTooLarge(CoverSearchError):
    code = "body_too_large"


class HeadersTooLarge(CoverSearchError):
    code = "headers_too_large"


class Unauthorized(CoverSearchError):
    code = "unauthorized"


class Forbidden(CoverSearchError):
    code = "forbidden"


class UnsupportedMediaType(CoverSearchError):
    code = "unsupported_media_type"


class UnsupportedContentCoding(UnsupportedMediaType):
    """The request body is compressed; clients get the error code `unsupported_media_type`."""


class RequestTimeout(CoverSearchError):
    code = "request_timeout"
