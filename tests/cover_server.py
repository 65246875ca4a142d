"""An HTTP server of covers, with ETags, a rate limit, and answers that a test sets."""

import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

#: The Last-Modified header of every cover.
MODIFIED = formatdate(1_600_000_000, usegmt=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A received request, and the status of its answer."""

    path: str
    headers: Mapping[str, str]
    status: int


@dataclass(slots=True)
class Limit:
    """A rate limit: in each time window `answers` requests succeed, and further requests get `status`."""

    answers: int
    window_s: float
    status: int = 429
    retry_after: str | None = None
    _windows: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allows(self) -> bool:
        with self._lock:
            window = int(time.monotonic() / self.window_s)
            self._windows[window] = self._windows.get(window, 0) + 1
            return self._windows[window] <= self.answers


class CoverServer(http.server.ThreadingHTTPServer):
    """Serves the `covers` by path; `answers` maps other paths to their handlers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.covers: dict[str, bytes] = {}
        self.answers: dict[str, Callable[[_Handler], None]] = {}
        self.asked: list[Asked] = []
        self.limit: Limit | None = None
        #: The statuses of the next answers for any path; 0 closes the connection without an answer.
        self.faults: list[int] = []
        self.validators = True
        self.stopping = threading.Event()

    def url(self, path: str, host: str = "localhost") -> str:
        return f"http://{host}:{self.server_address[1]}{path}"

    def statuses(self) -> list[int]:
        return [asked.status for asked in self.asked]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CoverServer

    def do_GET(self) -> None:
        server = self.server
        if server.faults:
            self._fail(server.faults.pop(0))
        elif server.limit is not None and not server.limit.allows():
            again = server.limit.retry_after
            self.reply(server.limit.status, headers={} if again is None else {"Retry-After": again})
        elif self.path in server.answers:
            server.answers[self.path](self)
        elif self.path in server.covers:
            self._cover(server.covers[self.path])
        else:
            self.reply(404)

    def reply(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.note(status)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def note(self, status: int) -> None:
        self.server.asked.append(Asked(self.path, dict(self.headers.items()), status))

    def log_message(self, *_: object) -> None:
        pass

    def _cover(self, content: bytes) -> None:
        headers = {"Content-Type": "image/jpeg"}
        if self.server.validators:
            headers |= {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"', "Last-Modified": MODIFIED}
        if self.server.validators and self.headers.get("If-None-Match") == headers["ETag"]:
            self.note(304)
            self.send_response(304)
            self.end_headers()
            return
        self.reply(200, content, headers)

    def _fail(self, status: int) -> None:
        if status:
            self.reply(status)
        else:
            self.note(0)
            self.close_connection = True


@contextmanager
def cover_server() -> Iterator[CoverServer]:
    """Run a server of covers on a free port during the `with` body."""
    with CoverServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def redirect(location: str) -> Callable[[Any], None]:
    return lambda handler: handler.reply(302, headers={"Location": location})


def answer(
    body: bytes, *, headers: Mapping[str, str] | None = None, status: int = 200, length: int | None = None
) -> Callable[[Any], None]:
    return lambda handler: handler.reply(status, body, headers, length)


def drip(head: bytes) -> Callable[[Any], None]:
    """Return a handler that sends the head, then single bytes until the client disconnects."""

    def run(handler: Any) -> None:
        handler.note(200)
        handler.close_connection = True
        try:
            handler.wfile.write(head)
            while not handler.server.stopping.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            return

    return run


def hang(handler: Any) -> None:
    """Handle a request by sending nothing until the server stops."""
    handler.note(0)
    handler.close_connection = True
    handler.server.stopping.wait()
