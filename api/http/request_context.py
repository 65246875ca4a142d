"""The outermost layer of the gateway: request ids, security headers, and an error nobody expected."""

import logging
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.contract.problems import internal_response
from api.http.security_headers import SecurityHeaders
from common.logs import request_id_var

log = logging.getLogger(__name__)

#: What a request id of the client's own may look like; any other is replaced.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: In the scope of a HEAD, which the application sees as a GET.
IS_HEAD = "cover-search.is_head"


class RequestContext:
    """Give each request its id, each answer its policies, and turn what nothing else caught into a 500."""

    def __init__(self, app: ASGIApp, *, security_headers: SecurityHeaders) -> None:
        self._app = app
        self._security_headers = security_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        request_id_var.set(request_id)
        if scope["method"] == "HEAD":
            # HEAD is GET; the server, which has the scope as it came, leaves the body out.
            scope = {**scope, "method": "GET", IS_HEAD: True}
        headers = ((b"x-request-id", request_id.encode()), *self._security_headers.of(scope["path"]))
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].extend(headers)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            # The process boundary: one request's failure is answered and logged, and ends here.
            log.exception("a request failed", extra=_described(scope))
            if status:
                raise
            await internal_response()(scope, receive, send_with_id)
        _log_outcome(scope, status)


async def client_gone(request: Request) -> None:
    """Wait until the client has hung up; its body has been read."""
    with suppress(ClientDisconnect):
        while (await request.receive())["type"] != "http.disconnect":
            pass


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the client's request id where it is harmless, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return given
    return secrets.token_hex(8)


def _described(scope: Scope) -> dict[str, str]:
    return {"method": scope["method"], "path": scope["path"]}


def _log_outcome(scope: Scope, status: int) -> None:
    # A line for every success would cost a tenth of a cached answer; DEBUG has it.
    level = logging.DEBUG
    if status >= HTTPStatus.BAD_REQUEST:
        level = logging.WARNING if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    if log.isEnabledFor(level):
        log.log(level, "answered", extra={**_described(scope), "status": status})
