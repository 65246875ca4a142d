"""Exception handlers that turn every error raised by an endpoint into a problem document."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.contract.errors.problem_details import error_response
from api.contract.errors.request_errors import MalformedBody, MethodNotAllowed, RouteNotFound
from api.contract.errors.statuses import INTERNAL, problem_of
from api.search.waiters import ClientHungUp
from common.errors import CoverSearchError

log = logging.getLogger(__name__)

#: The status code that nginx uses for a disconnected client; the code appears only in the log.
CLIENT_CLOSED_REQUEST = 499


def install_error_handlers(app: FastAPI) -> None:
    """Answer errors of the application and of FastAPI with problem documents."""

    @app.exception_handler(CoverSearchError)
    async def on_domain_error(_request: Request, error: CoverSearchError) -> Response:
        if problem_of(error) is INTERNAL:
            log.error("a request failed", exc_info=error)
        return error_response(error)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        return error_response(_refusal(request, error), headers=error.headers)

    @app.exception_handler(ClientHungUp)
    @app.exception_handler(ClientDisconnect)
    async def on_client_gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED_REQUEST)


def _refusal(request: Request, error: HTTPException) -> CoverSearchError:
    match error.status_code:
        case 404:
            return RouteNotFound(f"no endpoint or file at {request.url.path}")
        case 405:
            return MethodNotAllowed(f"{request.url.path} does not accept {request.method}")
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return MalformedBody(str(error.detail))
        case _:
            return CoverSearchError(str(error.detail))
