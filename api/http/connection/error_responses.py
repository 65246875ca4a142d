"""Raw error responses for requests that do not reach the ASGI application."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api.contract.errors.problem_details import error_response
from api.http.middleware.request_context import request_id_of
from api.http.middleware.security_headers import SecurityHeaders
from common.errors import CoverSearchError
from common.logs import request_id_var

_HEADERS = SecurityHeaders(public_url=None).of("")


def error_response_bytes(error: CoverSearchError) -> bytes:
    """Return an HTTP response that contains the error's problem document and `Connection: close`."""
    request_id = request_id_of(())
    request_id_var.set(request_id)
    response = error_response(error)
    headers = [
        *response.raw_headers,
        *_HEADERS,
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body)
