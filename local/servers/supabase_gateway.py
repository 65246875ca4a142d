"""A local substitute for Supabase's gateway: an HTTP server that forwards `/rest/v1/` to PostgREST.

The gateway keeps its connections to clients and to PostgREST open, and refuses requests with unknown API
keys. Tests set `intercept` to send responses of their own, such as those of a busy or broken PostgREST.
"""

import http.client
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from common.validation.strict_numbers import read_whole_number

PREFIX = "/rest/v1/"
POLL_S = 0.02
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that the gateway sends."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


#: A function that takes a request's path and returns the response, or None to forward the request.
Intercept = Callable[[str], Answer | None]


class RestGateway:
    """A reverse proxy on a free port of 127.0.0.1, for one PostgREST."""

    def __init__(self, upstream_port: int, *, keys: frozenset[str]) -> None:
        self.intercept: Intercept | None = None
        self.keys = keys
        self.upstream_port = upstream_port
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="rest-gateway", daemon=True
        )

    @property
    def url(self) -> str:
        """The value for SUPABASE_URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def own_answer(self, path: str, headers: Message) -> Answer | None:
        """Return the gateway's own response, or None if PostgREST must answer the request."""
        intercepted = self.intercept(path) if self.intercept is not None else None
        if intercepted is not None:
            return intercepted
        if not path.startswith(PREFIX):
            return Answer(404, b'{"message":"no Route matched with those values"}')
        if headers.get("apikey") not in self.keys:
            return Answer(401, b'{"message":"Invalid API key"}')
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, gateway: RestGateway) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gateway = gateway


class _Handler(BaseHTTPRequestHandler):
    """Forwards the requests of one client connection over one connection to PostgREST."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection("127.0.0.1", self.server.gateway.upstream_port)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def handle(self) -> None:
        # A client that disconnects before it gets a response does not cause an error message of the gateway.
        with suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        try:
            size = read_whole_number(self.headers.get("content-length") or "0")
        except ValueError:
            self.send_error(400, "Content-Length is not one number")
            return
        body = self.rfile.read(size)
        answer = self.server.gateway.own_answer(self.path, self.headers) or self._forward(body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_PATCH = do_DELETE = do_POST  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass

    def _forward(self, body: bytes) -> Answer:
        passed = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            self._upstream.request(
                self.command, "/" + self.path.removeprefix(PREFIX), body=body or None, headers=passed
            )
            response = self._upstream.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._upstream.close()
            return Answer(502, b'{"message":"An invalid response was received from the upstream server"}')
        kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
        return Answer(response.status, content, kept)
