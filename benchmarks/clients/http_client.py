"""An HTTP/1.1 client that uses little CPU time, because it shares the CPU with the measured service."""

import asyncio
import time
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

_BOUNDARY = b"cover-search-benchmark"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; the header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    #: Milliseconds from sending the first byte to receiving the last byte.
    took_ms: float
    #: The `time.perf_counter` value when the last byte was received.
    received_at: float


class Connection:
    """A persistent connection that sends one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to the server of a URL."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def ask(self, request: bytes) -> Answer:
        """Send a whole request and read its answer."""
        began = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, headers = _parsed(head)
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        ended = time.perf_counter()
        return Answer(status, headers, body, (ended - began) * 1000, ended)

    def close(self) -> None:
        self._writer.close()


def get(path: str, *, headers: str = "") -> bytes:
    """Return a GET request; each line of `headers` must end with CR LF."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n".encode()


def text_search(text: str, *, headers: str = "", **parameters: str | int) -> bytes:
    """Return the HTTP request for a search by text."""
    rest = "".join(f"&{name}={quote(str(value))}" for name, value in parameters.items())
    return get(f"/api/search-by-text?query={quote(text)}{rest}", headers=headers)


def image_search(data: bytes, **parameters: str | int) -> bytes:
    """Return the HTTP request for a search by image."""
    rest = "&".join(f"{name}={quote(str(value))}" for name, value in parameters.items())
    part = (
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%s\r\n--%s--\r\n" % (_BOUNDARY, data, _BOUNDARY)
    )
    head = (
        f"POST /api/search-by-image?{rest} HTTP/1.1\r\nHost: bench\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY.decode()}\r\n"
        f"Content-Length: {len(part)}\r\n\r\n"
    )
    return head.encode() + part


def stages_of(answer: Answer) -> dict[str, float]:
    """Return the duration of each stage in milliseconds, from the `Server-Timing` header."""
    stages = {}
    for entry in answer.headers.get("server-timing", "").split(","):
        name, _, spent = entry.strip().partition(";dur=")
        if spent:
            stages[name] = float(spent)
    return stages


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(first.split(" ", 2)[1]), headers
