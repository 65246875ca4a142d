"""HTTP on a connection, with the limits and refusals that uvicorn 0.54 does not have.

- A head comes within its time and size (https://github.com/encode/uvicorn/issues/157).
- A connection has a few unanswered requests at most; what it has sent beyond them waits unparsed.
- What is not well-formed HTTP is answered with a problem, after the requests before it.
- A client that has shut its side of the connection gets the answers to its complete requests.
- A client that does not read its answers is given up.
"""

import asyncio
import logging
from contextvars import copy_context
from functools import partial
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.contract.http_errors import HeadersTooLarge, MalformedBody, NotImplementedHere, RequestTimeout
from api.http.connection.flow_control import Alarm, ConnectionFlow
from api.http.connection.framing import (
    CHUNKED,
    END,
    HEAD_MAX_BYTES,
    HEADERS_MAX,
    TOO_MANY_HEADERS,
    check_head,
    check_head_piece,
    line_breaks_end,
    origin_form,
    piece_end,
)
from api.http.connection.raw_answers import answer_bytes
from api.http.connection.turns import Turns
from common.errors import CoverSearchError

log = logging.getLogger(__name__)

#: From the first byte, or from the connection, to the end of the headers.
HEAD_TIMEOUT_S = 10.0
#: Requests that wait behind the one that is being answered.
PIPELINED_MAX = 4
#: How long what comes after a refusal is dropped before the connection closes.
LINGER_S = 1.0

TOO_MUCH_BESIDE = f"line breaks, chunk extensions or trailers have more than {HEAD_MAX_BYTES} bytes"

#: What of a request has come. (As members of a class they take longer, at each request.)
_BETWEEN, _HEAD, _BODY = range(3)


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    # Apart from uvicorn's 28 attributes: Python reads those of an object with more than 30 in a slower way.
    __slots__ = (
        "_answering",
        "_body_came",
        "_body_left",
        "_context",
        "_goes_on",
        "_head_alarm",
        "_held",
        "_is_finished",
        "_is_refused",
        "_overhead_bytes",
        "_reads_head_again",
        "_refusal",
        "_stage",
        "_turns",
    )
    flow: ConnectionFlow

    def __init__(self, *args: Any, turns: Turns, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turns = turns
        self._stage = _BETWEEN
        #: Bytes of the body that are still to come, or CHUNKED.
        self._body_left = 0
        #: Bytes of an unfinished head, or of chunks without a body in them.
        self._overhead_bytes = 0
        self._body_came = False
        self._reads_head_again = False
        #: What has come while the connection is held, and how much of it is parsed.
        self._held = (b"", 0)
        #: The request that is being answered, or was last.
        self._answering: RequestResponseCycle | None = None
        #: While uvicorn starts the request that is next in line.
        self._goes_on = False
        #: No request is taken any more: one was refused, or the last asked for the connection to be closed.
        self._is_finished = False
        self._is_refused = False
        self._refusal: CoverSearchError | None = None
        self._head_alarm = Alarm(self.loop, self._on_head_timeout)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.flow = ConnectionFlow(transport, self.loop)
        self._context = copy_context()
        self._head_alarm.start(HEAD_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_alarm.stop()
        self.flow.stop()
        self._is_finished = True
        self._held = (b"", 0)
        self.pipeline.clear()
        if self._answering is not None:
            # uvicorn tells the last request that its client has gone, and not the one that is being answered.
            _disconnect(self._answering)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._parse(data, 0)
        if (self._stage == _HEAD or not self._is_busy()) and not self._is_finished:
            self._watch_head()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's closes in any case
        if not self._is_finished and self._stage != _BETWEEN:
            part = "head" if self._stage == _HEAD else "body"
            self._refuse(MalformedBody(f"the connection was shut within the request's {part}"))
            return True
        if not self._is_busy() or self._is_refused:
            return self._is_busy()
        self.cycle.keep_alive = False
        self.flow.probe(self._takes_interim_answers)
        return True

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.flow.watch_sending()

    # Parser callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stage = _HEAD
        self._overhead_bytes = 0

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            # The parser would take what follows for the other protocol, also a body.
            self._reads_head_again = True
            return
        try:
            self._check_head()
        except CoverSearchError as refusal:
            # The parser ends with an error of its own.
            self._refusal = refusal
            raise
        super().on_headers_complete()
        self._stage = _BODY
        self._head_alarm.stop()
        if self._body_left == CHUNKED:
            # Trailers are dropped: the application has its headers already.
            self.headers = []
        if self.pipeline:
            # uvicorn stops reading at the first request that waits, which may be in the midst of the next.
            self.flow.resume_reading()

    def _check_head(self) -> None:
        if self.parser.should_upgrade():
            raise NotImplementedHere("the service is not a proxy: CONNECT is not implemented")
        version = self.parser.get_http_version()
        self._body_left = check_head(version=version, target=self.url, headers=self.headers)
        self.url = origin_form(self.url)

    def on_body(self, body: bytes) -> None:
        self._body_came = True
        if self._body_left > 0:
            self._body_left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._reads_head_again:
            return
        super().on_message_complete()
        self._stage = _BETWEEN
        self._body_left = self._overhead_bytes = 0
        if not self.cycle.keep_alive:
            self._is_finished = True

    def on_response_complete(self) -> None:
        self._goes_on = True
        super().on_response_complete()
        self._goes_on = False
        if self.transport.is_closing():
            self.flow.watch_sending()
        elif self.flow.is_held:
            # Out of the task of this request, whose id and errors are not those of the next.
            self.loop.call_soon(self._go_on, context=self._context)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        if self._goes_on:
            self._turns.take(partial(self._start, cycle, app), self.loop)
        else:
            super()._start_asgi_task(cycle, app)

    def _start(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if not cycle.disconnected:
            super()._start_asgi_task(cycle, app)

    # Requests

    def _parse(self, data: bytes, start: int) -> None:
        """Parse request after request as long as few are unanswered, and hold the rest."""
        size = len(data)
        while start < size and not self._is_finished and not (self.pipeline and self._is_full()):
            if self._stage == _BETWEEN and data[start] in b"\r\n":
                start = self._skip_line_breaks(data, start)
            else:
                start = self._parse_piece(data, start, piece_end(data, start, self._body_left))
        if self.pipeline and self._is_full():
            self._held = (data, start)
            self.flow.hold()

    def _go_on(self) -> None:
        """Take what is held, or end, once there is room."""
        if self._is_refused:
            if not self._is_busy():
                self._end()
            return
        (data, start), self._held = self._held, (b"", 0)
        self._unset_keepalive_if_required()
        self._parse(data, start)
        if not self._is_full() and not self._is_refused:
            self.flow.release()
        if not self._is_finished:
            self._watch_head()

    def _skip_line_breaks(self, data: bytes, start: int) -> int:
        """Return where a request begins; what stands before it counts as part of its head."""
        end = line_breaks_end(data, start)
        self._overhead_bytes += end - start
        if self._overhead_bytes > HEAD_MAX_BYTES:
            self._refuse(HeadersTooLarge(TOO_MUCH_BESIDE))
        return end

    def _is_full(self) -> bool:
        return len(self.pipeline) >= PIPELINED_MAX and self._stage == _BETWEEN

    def _parse_piece(self, data: bytes, start: int, end: int) -> int:
        """Parse a piece; return where it ends, or where a request in it does that asked for an upgrade."""
        size = end - start
        self._body_came = False
        try:
            if not self._body_left:
                check_head_piece(data, start, end, before=self._overhead_bytes)
            self.parser.feed_data(data if size == len(data) else memoryview(data)[start:end])
        except httptools.HttpParserUpgrade as upgrade:
            self._read_head_again()
            return start + int(upgrade.args[0])
        except HeadersTooLarge as error:
            self._refuse(error)
            return end
        except httptools.HttpParserError as error:
            self._refuse(self._refusal or MalformedBody(f"the request is not well-formed HTTP: {error}"))
            return end
        if self._stage != _BETWEEN:
            self._count_overhead(size)
        return end

    def _count_overhead(self, size: int) -> None:
        self._overhead_bytes = 0 if self._body_came else self._overhead_bytes + size
        if self._overhead_bytes > HEAD_MAX_BYTES:
            self._refuse(HeadersTooLarge(TOO_MUCH_BESIDE))
        elif len(self.headers) > HEADERS_MAX:
            self._refuse(HeadersTooLarge(TOO_MANY_HEADERS))

    def _read_head_again(self) -> None:
        """Parse a head once more without its `Upgrade` field, which the service ignores (RFC 9110, 7.8)."""
        self._reads_head_again = False
        self._overhead_bytes = 0
        version = b"HTTP/" + self.parser.get_http_version().encode()
        lines = [b" ".join((self.parser.get_method(), self.url, version))]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        head = b"\r\n".join(lines) + END
        self._parse_piece(head, 0, len(head))

    def _is_busy(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    # Refusals

    def _refuse(self, error: CoverSearchError) -> None:
        """Take no further request, and answer with a problem once those before are answered."""
        log.info("refused a request", extra={"code": error.code, "detail": error.detail})
        self._head_alarm.stop()
        self._is_refused = self._is_finished = True
        self._refusal = error
        if self._stage == _BODY:
            self._drop_current()
        if self._is_busy():
            self.flow.hold()
        else:
            self._end()

    def _drop_current(self) -> None:
        """Take the request whose body is refused out of the line."""
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            return
        if self.cycle.response_started:
            # Into an answer that is on its way nothing can be put.
            self._refusal = None
        _disconnect(self.cycle)
        self._answering = None

    def _end(self) -> None:
        """Say why nothing more is taken, and close."""
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        if self._refusal is not None:
            self.transport.write(answer_bytes(self._refusal))
        # Closed at once, what still comes would reset the connection and the answer would be lost.
        self.transport.write_eof()
        self.flow.release()
        self.loop.call_later(LINGER_S, self.transport.close)
        self.flow.watch_sending()

    def _watch_head(self) -> None:
        """See that a head which has begun, or has to come, comes in time."""
        # Line breaks between requests stop uvicorn's timer and begin no request.
        is_idle = not self._is_busy() and self.timeout_keep_alive_task is None
        if self._stage == _HEAD or (self._stage == _BETWEEN and is_idle):
            self._head_alarm.start(HEAD_TIMEOUT_S)

    def _on_head_timeout(self) -> None:
        if self.transport.is_closing():
            return
        if self._overhead_bytes:
            self._refuse(RequestTimeout(f"the request's headers did not come within {HEAD_TIMEOUT_S:g} s"))
        else:
            self.transport.close()

    def _takes_interim_answers(self) -> bool:
        cycle = self._answering
        if cycle is None or cycle.response_started:
            return False
        return cycle.scope["http_version"] == "1.1"


def _disconnect(cycle: RequestResponseCycle) -> None:
    cycle.disconnected = True
    cycle.message_event.set()
