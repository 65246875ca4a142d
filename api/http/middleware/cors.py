"""Allows cross-origin requests (CORS) from web pages whose origin the setting CORS_ORIGINS lists."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from api.contract.errors.problem_details import error_response
from api.contract.errors.request_errors import Forbidden

#: The response headers that web pages of other origins may read.
EXPOSED = (
    "ETag",
    "Location",
    "Preference-Applied",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Server-Timing",
    "X-Cache",
    "X-Request-Id",
)
#: The request headers that web pages of other origins may send.
ACCEPTED = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Prefer",
    "X-API-Key",
    "X-Request-Id",
)
#: The seconds for which a browser may cache the answer to a preflight request.
MAX_AGE_S = 600


def cors_options(origins: Sequence[str]) -> dict[str, Any]:
    """Return the options of Starlette's CORS middleware, without credentials because no cookies are used."""
    return {
        "allow_origins": list(origins),
        "allow_methods": ["GET", "HEAD", "POST"],
        "allow_headers": list(ACCEPTED),
        "expose_headers": list(EXPOSED),
        "allow_credentials": False,
        "max_age": MAX_AGE_S,
    }


class Cors(CORSMiddleware):
    """Starlette's CORS middleware, changed to send refusals as problem documents."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight request, and send a refusal as a problem document."""
        response = super().preflight_response(request_headers)
        if response.status_code == HTTPStatus.OK:
            return response
        reason = bytes(response.body).decode()
        kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return error_response(Forbidden(f"{reason[:1].lower()}{reason[1:]} (CORS_ORIGINS)"), headers=kept)
