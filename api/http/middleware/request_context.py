"""The outermost middleware, for request ids, security headers, request logs, counts and unexpected errors."""

import logging
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.contract.errors.problem_details import PROBLEM_CODE, internal_response
from api.http.middleware.security_headers import SecurityHeaders
from api.metrics.recorder import NO_ROUTE, RequestRecorder
from common.logs import request_id_var

log = logging.getLogger(__name__)

#: The format of an acceptable request id from a client; an id of another format is replaced.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: The key in the ASGI scope that marks a HEAD request, which the application handles as GET.
IS_HEAD = "cover-search.is_head"


class RequestContext:
    """Adds request ids and security headers, counts answers, and answers uncaught exceptions with a 500."""

    def __init__(self, app: ASGIApp, *, security_headers: SecurityHeaders, recorder: RequestRecorder) -> None:
        self._app = app
        self._security_headers = security_headers
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        request_id = request_id_of(scope["headers"])
        request_id_var.set(request_id)
        if scope["method"] == "HEAD":
            # The application handles HEAD as GET, while uvicorn still sees HEAD and omits the body.
            scope = {**scope, "method": "GET", IS_HEAD: True}
        headers = ((b"x-request-id", request_id.encode()), *self._security_headers.of(scope["path"]))
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].extend(headers)
                self._count(scope, status, time.perf_counter() - began_s)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            # An unexpected error in one request is logged and answered here, so that the process continues.
            log.exception("a request failed", extra=_described(scope))
            if status:
                raise
            await internal_response()(scope, receive, send_with_id)
        _log_outcome(scope, status)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request when its answer begins, so that a stream of events counts before it ends."""
        route = scope["route"].path if "route" in scope else _files_route_of(scope)
        self._recorder.count_request(scope["method"], route, status, seconds)
        if PROBLEM_CODE in scope:
            self._recorder.count_problem(status=status, code=scope[PROBLEM_CODE])


async def client_gone(request: Request) -> None:
    """Wait until the client disconnects; the caller must have read the request body."""
    with suppress(ClientDisconnect):
        while (await request.receive())["type"] != "http.disconnect":
            pass


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the client's request id if its format is acceptable, else a new id."""
    for name, value in headers:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return given
    return secrets.token_hex(8)


def _files_route_of(scope: Scope) -> str:
    """Return a route such as `/covers/{path}` if a mounted folder answered; a mount sets only `root_path`."""
    return f"{scope['root_path']}/{{path}}" if scope.get("root_path") else NO_ROUTE


def _described(scope: Scope) -> dict[str, str]:
    return {"method": scope["method"], "path": scope["path"]}


def _log_outcome(scope: Scope, status: int) -> None:
    # Successes are logged at DEBUG only, because a log line takes a tenth of a cached answer's time.
    level = logging.DEBUG
    if status >= HTTPStatus.BAD_REQUEST:
        level = logging.WARNING if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    if log.isEnabledFor(level):
        log.log(level, "answered", extra={**_described(scope), "status": status})
