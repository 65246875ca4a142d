"""HTTP on a connection, with what uvicorn leaves unbounded: the time and the size of a request's head.

uvicorn 0.54 limits neither, so that a client which sends a byte a minute, or a header without an end,
could hold a connection or fill the memory (https://github.com/encode/uvicorn/issues/157).
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.answers import error_response
from api.boundary import request_id_of
from api.policies import Policies
from api.refusals import HeadersTooLarge, MalformedBody, RequestTimeout
from common.errors import CoverSearchError
from common.telemetry import request_id_var

#: From the first byte, or from the connection, to the end of the headers.
HEAD_TIMEOUT_S = 10.0
#: Request line and headers together.
HEAD_MAX_BYTES = 64 * 1024
#: How long what comes after a refusal is dropped before the connection closes.
LINGER_S = 1.0
TOO_LARGE = f"the request's head has more than {HEAD_MAX_BYTES} bytes"

_HEADERS = Policies(public_url=None).of("")


class GuardedProtocol(HttpToolsProtocol):
    """Ends connections whose request does not come, and answers with a problem what is no HTTP."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _refusal: CoverSearchError | None = None
    _is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        if self._head_timer is None:
            if self._awaits_head():
                # Line breaks between requests stop uvicorn's timer and begin no request.
                self._head_bytes = len(data)
                self._start_timer()
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_MAX_BYTES and not self._is_refused:
            self._refuse(HeadersTooLarge(TOO_LARGE))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        if self._head_timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > HEAD_MAX_BYTES:
            self._refusal = HeadersTooLarge(TOO_LARGE)
            # It ends the parser, upon which uvicorn calls `send_400_response`.
            raise self._refusal
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or MalformedBody(msg))

    def _awaits_head(self) -> bool:
        is_idle = self.cycle is None or self.cycle.response_complete
        return is_idle and self.timeout_keep_alive_task is None and not self.transport.is_closing()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._on_timeout)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _on_timeout(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._head_bytes:
            self._refuse(RequestTimeout(f"the request's headers did not come within {HEAD_TIMEOUT_S:g} s"))
        else:
            self.transport.close()

    def _refuse(self, error: CoverSearchError) -> None:
        self._stop_timer()
        self._is_refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            # An answer to an earlier request is on its way, into which nothing can be put.
            self.transport.close()
            return
        self.transport.write(_response_bytes(error))
        # Closed at once, what still comes would reset the connection and the answer would be lost.
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)


def _response_bytes(error: CoverSearchError) -> bytes:
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
