"""What stands before PostgREST at Supabase: an HTTP server that has it under `/rest/v1/`.

It keeps connections alive on both sides and refuses an API key that it was not given. `intercept` may
answer in PostgREST's place, which is how tests make it busy or broken.
"""

import http.client
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

PREFIX = "/rest/v1/"
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as the gateway sends it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


#: Sees each path; an answer is sent instead of PostgREST's, None lets the request through.
Intercept = Callable[[str], Answer | None]


class RestGateway:
    """A reverse proxy on a free port of 127.0.0.1, for one PostgREST."""

    def __init__(self, upstream_port: int, *, keys: frozenset[str]) -> None:
        self.intercept: Intercept | None = None
        self._keys = keys
        self._upstream_port = upstream_port
        self._upstreams = threading.local()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="rest-gateway", daemon=True)

    @property
    def url(self) -> str:
        """What SUPABASE_URL would be."""
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

    def answer(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        """Answer one request, from the intercept, the gateway itself, or PostgREST."""
        intercepted = self.intercept(path) if self.intercept is not None else None
        if intercepted is not None:
            return intercepted
        if not path.startswith(PREFIX):
            return Answer(404, b'{"message":"no Route matched with those values"}')
        if headers.get("apikey") not in self._keys:
            return Answer(401, b'{"message":"Invalid API key"}')
        return self._forward(method, "/" + path.removeprefix(PREFIX), headers, body)

    def _forward(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        passed = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        upstream = self._upstream()
        try:
            upstream.request(method, path, body=body or None, headers=passed)
            response = upstream.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            upstream.close()
            return Answer(502, b'{"message":"An invalid response was received from the upstream server"}')
        kept = {n: v for n, v in response.getheaders() if n.lower() not in _HOP_BY_HOP}
        return Answer(response.status, content, kept)

    def _upstream(self) -> http.client.HTTPConnection:
        # One connection for each thread, and a thread for each connection of a client.
        if not hasattr(self._upstreams, "connection"):
            self._upstreams.connection = http.client.HTTPConnection("127.0.0.1", self._upstream_port)
        connection: http.client.HTTPConnection = self._upstreams.connection
        return connection

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                answer = gateway.answer(self.command, self.path, self.headers, body)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                pass

        return Handler
