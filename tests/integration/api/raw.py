"""Send requests as bytes over plain sockets, and parse the answers."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from tests.running_gateway import REQUEST_TIMEOUT_S, RunningGateway

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


def address_of(running: RunningGateway) -> Address:
    host, _, port = running.url.removeprefix("http://").partition(":")
    return host, int(port)


def connect(address: Address) -> socket.socket:
    return socket.create_connection(address, timeout=REQUEST_TIMEOUT_S)


def read_all(connection: socket.socket) -> bytes:
    """Return all bytes received until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def exchange(address: Address, *pieces: bytes, half_close: bool = False) -> bytes:
    """Send the given bytes and return all bytes received until the other side closes."""
    with connect(address) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def answers(received: bytes) -> list[RawAnswer]:
    """Parse the received answers in order, without interim answers (1xx)."""
    return [answer for answer in _answers(received) if answer.status >= 200]


def _answers(received: bytes) -> Iterator[RawAnswer]:
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        assert separator, received
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        size = int(headers.get("content-length", 0))
        assert len(rest) >= size, received
        yield RawAnswer(int(lines[0].split()[1]), headers, rest[:size])
        received = rest[size:]


def check_problem(answer: RawAnswer) -> tuple[int, str]:
    """Check the headers of a problem document that closes the connection; return its status and code."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    document = answer.json()
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["status"] == answer.status
    return answer.status, document["code"]


def problem(received: bytes) -> tuple[int, str]:
    """Check that the only answer received is a problem document; return its status and code."""
    (answer,) = answers(received)
    return check_problem(answer)
