"""Errors that only HTTP knows: a request that does not reach the domain.

CoverSearchError
├── InvalidRequest        several parameters at once, each with its own sentence
├── RouteNotFound
├── MethodNotAllowed
├── MalformedBody         not well-formed HTTP, or not the multipart or JSON that it says it is
├── NotImplementedHere    a transfer coding or method that HTTP has and the service does not
├── RangeNotSatisfiable   a part of a file that it does not have
├── BodyTooLarge          a JSON body past its limit
├── HeadersTooLarge
├── Unauthorized          no key where one is needed, or one that is not valid
├── Forbidden             a key that is valid but not for this, a page of an origin that is not let in
├── UnsupportedMediaType
│   └── UnsupportedContentCoding   a body that is compressed
└── RequestTimeout        the body did not come in time
"""

from collections.abc import Sequence

from common.errors import CoverSearchError, InvalidParameter

#: More are not told: who sends thousands of wrong parameters reads none of them.
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
    """A body that is compressed; it looks like another media type to clients."""


class RequestTimeout(CoverSearchError):
    code = "request_timeout"
