"""The HTTP/1.1 protocol of a connection, with limits and refusals that uvicorn 0.54 does not have.

- A request head has a time limit and a size limit (https://github.com/encode/uvicorn/issues/157).
- A connection has at most a few unanswered requests; the bytes of further requests wait unparsed.
- Malformed HTTP is answered with a problem document after all earlier requests were answered.
- A client that has closed its sending side still gets its answers.
- A client that does not read its answers is disconnected.
"""

import asyncio
import logging
from contextvars import copy_context
from typing import Any

import httptools

from api.contract.errors.request_errors import (
    HeadersTooLarge,
    MalformedBody,
    NotImplementedHere,
    RequestTimeout,
)
from api.http.connection.error_responses import error_response_bytes
from api.http.connection.flow_control import ConnectionFlow, OneShotTimer
from api.http.connection.pipelined_protocol import PipelinedProtocol, disconnect
from api.http.connection.request_head import (
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
from common.errors import CoverSearchError

log = logging.getLogger(__name__)

#: The maximum number of seconds from the start of a request or connection to the end of the headers.
HEAD_TIMEOUT_S = 10.0
#: The maximum number of requests that wait behind the request being answered.
PIPELINED_MAX = 4
#: The seconds between a refusal and closing the connection, during which received bytes are discarded.
LINGER_S = 1.0

OVERHEAD_TOO_LARGE = f"line breaks, chunk extensions or trailers have more than {HEAD_MAX_BYTES} bytes"
#: The number of chunks of a body that may have any size, and the minimum average size in bytes of further
#: chunks. Each chunk takes microseconds of CPU time, so 10 MB in chunks of a byte would take many seconds.
CHUNKS_OF_ANY_SIZE, CHUNK_MIN_BYTES = 4096, 64
CHUNKS_TOO_SMALL = (
    f"the body's chunks have fewer than {CHUNK_MIN_BYTES} bytes on average; "
    "send larger chunks, or the body with Content-Length"
)
#: The stages of parsing a request, which are integers because members of an enum would be slower.
_BETWEEN, _HEAD, _BODY = range(3)


class GuardedProtocol(PipelinedProtocol):
    """The protocol of one connection."""

    # `__slots__` is used because uvicorn's class has 28 attributes and objects with more than 30 are slower.
    __slots__ = (
        "_body_came",
        "_body_left",
        "_chunks_credit_bytes",
        "_context",
        "_head_timer",
        "_held",
        "_is_finished",
        "_is_refused",
        "_overhead_bytes",
        "_reads_head_again",
        "_refusal",
        "_stage",
    )
    flow: ConnectionFlow

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._stage = _BETWEEN
        #: The number of body bytes still expected, or CHUNKED.
        self._body_left = 0
        #: The size in bytes of the unfinished request head, or of the chunk overhead since the last body
        #: byte.
        self._overhead_bytes = 0
        self._body_came = False
        #: The number of body bytes for which further chunk headers are accepted.
        self._chunks_credit_bytes = 0
        self._reads_head_again = False
        #: The received bytes that wait while reading is paused, and the position of the next byte to parse.
        self._held = (b"", 0)
        #: True after the last request, because a request was refused or the connection is to be closed.
        self._is_finished = False
        self._is_refused = False
        self._refusal: CoverSearchError | None = None
        self._head_timer = OneShotTimer(self.loop, self._on_head_timeout)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.flow = ConnectionFlow(transport, self.loop)
        self._context = copy_context()
        self._head_timer.start(HEAD_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer.stop()
        self.flow.stop()
        self._is_finished = True
        self._held = (b"", 0)
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._parse(data, 0)
        if (self._stage == _HEAD or not self._is_busy()) and not self._is_finished:
            self._watch_head()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn returns None, which closes
        if not self._is_finished and self._stage != _BETWEEN:
            part = "head" if self._stage == _HEAD else "body"
            self._refuse(MalformedBody(f"the client stopped sending in the middle of the request's {part}"))
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
        self._chunks_credit_bytes = CHUNKS_OF_ANY_SIZE * CHUNK_MIN_BYTES

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            # The parser would treat all bytes after this head, including a body, as data of the protocol to
            # upgrade to.
            self._reads_head_again = True
            return
        try:
            self._check_head()
        except CoverSearchError as refusal:
            # The refusal is stored, because the parser raises its own exception in place of the refusal.
            self._refusal = refusal
            raise
        super().on_headers_complete()
        self._stage = _BODY
        self._head_timer.stop()
        if self._body_left == CHUNKED:
            # Trailers are collected in a new list, which the application never sees.
            self.headers = []
        if self.pipeline:
            # uvicorn pauses reading when a request has to wait, but part of this request may still be
            # missing.
            self.flow.resume_reading()

    def _check_head(self) -> None:
        if self.parser.should_upgrade():
            raise NotImplementedHere("the service is not a proxy: CONNECT is not implemented")
        version = self.parser.get_http_version()
        self._body_left = check_head(version=version, target=self.url, headers=self.headers)
        self.url = origin_form(self.url)

    def on_chunk_header(self) -> None:
        self._chunks_credit_bytes -= CHUNK_MIN_BYTES
        if self._chunks_credit_bytes < 0:
            # The refusal is stored, because the parser raises its own exception in place of the refusal.
            self._refusal = MalformedBody(CHUNKS_TOO_SMALL)
            raise self._refusal

    def on_body(self, body: bytes) -> None:
        self._body_came = True
        if self._body_left > 0:
            self._body_left -= len(body)
        else:
            self._chunks_credit_bytes += len(body)
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
        super().on_response_complete()
        if self.transport.is_closing():
            self.flow.watch_sending()
        elif self.flow.is_held:
            # The callback runs in the connection's context, because the current context has the answered
            # request's id.
            self.loop.call_soon(self._go_on, context=self._context)

    # Requests

    def _parse(self, data: bytes, start: int) -> None:
        """Parse requests until PIPELINED_MAX requests are waiting, and keep the remaining bytes for later."""
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
        """Parse the bytes that were kept for later, or close the connection after a refusal."""
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
        """Return the position of the next request; line breaks before a request count as part of its head."""
        end = line_breaks_end(data, start)
        self._overhead_bytes += end - start
        if self._overhead_bytes > HEAD_MAX_BYTES:
            self._refuse(HeadersTooLarge(OVERHEAD_TOO_LARGE))
        return end

    def _is_full(self) -> bool:
        return len(self.pipeline) >= PIPELINED_MAX and self._stage == _BETWEEN

    def _parse_piece(self, data: bytes, start: int, end: int) -> int:
        """Parse a chunk of data; return the offset up to which it was parsed.

        This is the end of the first upgrade request in the chunk, or else the end of the chunk.
        """
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
            self._refuse(HeadersTooLarge(OVERHEAD_TOO_LARGE))
        elif len(self.headers) > HEADERS_MAX:
            self._refuse(HeadersTooLarge(TOO_MANY_HEADERS))

    def _read_head_again(self) -> None:
        """Parse the request head again without `Upgrade`, which the service ignores (RFC 9110, 7.8)."""
        self._reads_head_again = False
        self._overhead_bytes = 0
        version = b"HTTP/" + self.parser.get_http_version().encode()
        lines = [b" ".join((self.parser.get_method(), self.url, version))]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        head = b"\r\n".join(lines) + END
        self._parse_piece(head, 0, len(head))

    # Refusals

    def _refuse(self, error: CoverSearchError) -> None:
        """Stop parsing, and send the error's problem document after the answers to all earlier requests."""
        log.info("refused a request", extra={"code": error.code, "detail": error.detail})
        self._head_timer.stop()
        self._is_refused = self._is_finished = True
        self._refusal = error
        if self._stage == _BODY:
            self._drop_current()
        if self._is_busy():
            self.flow.hold()
        else:
            self._end()

    def _drop_current(self) -> None:
        """Discard the request whose body was refused."""
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            return
        if self.cycle.response_started:
            # The answer to the request has begun, so no problem document can be sent.
            self._refusal = None
        disconnect(self.cycle)
        self._answering = None

    def _end(self) -> None:
        """Send the problem document, if there is one, and close the connection."""
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        if self._refusal is not None:
            self.transport.write(error_response_bytes(self._refusal))
        # The close is delayed, because bytes after an immediate close would reset the connection.
        self.transport.write_eof()
        self.flow.release()
        self.loop.call_later(LINGER_S, self.transport.close)
        self.flow.watch_sending()

    def _watch_head(self) -> None:
        """Start the time limit for a request head that has begun or is expected."""
        # Line breaks between requests stop uvicorn's keep-alive timer without starting a request.
        is_idle = not self._is_busy() and self.timeout_keep_alive_task is None
        if self._stage == _HEAD or (self._stage == _BETWEEN and is_idle):
            self._head_timer.start(HEAD_TIMEOUT_S)

    def _on_head_timeout(self) -> None:
        if self.transport.is_closing():
            return
        if self._overhead_bytes:
            self._refuse(RequestTimeout(f"the request's headers did not come within {HEAD_TIMEOUT_S:g} s"))
        else:
            self.transport.close()
