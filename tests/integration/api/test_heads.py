"""Requests whose head does not come, has no end, or is no HTTP: over bare sockets."""

import socket
from collections.abc import Iterator

import httpx
import orjson
import pytest

from api import protocol
from tests.integration.api.conftest import DEADLINE_S, RunningGateway, StartGateway


@pytest.fixture
def address(start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    # As the product has it, and sooner.
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.5)
    running: RunningGateway = start_gateway()
    host, _, port = running.url.removeprefix("http://").partition(":")
    yield host, int(port)
    with running.client() as client:
        assert client.get("/livez").status_code == 200


def exchange(address: tuple[str, int], *pieces: bytes) -> bytes:
    """Send what is given and return all that comes until the other side closes."""
    with socket.create_connection(address, timeout=DEADLINE_S) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def problem(answer: bytes) -> tuple[int, str]:
    """Return status and code of a problem, which has all that every answer has."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    assert headers["content-type"] == "application/problem+json"
    assert headers["content-length"] == str(len(body))
    assert headers["connection"] == "close"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    document = orjson.loads(body)
    assert document["request_id"] == headers["x-request-id"]
    assert str(document["status"]) == lines[0].split()[1]
    return document["status"], document["code"]


@pytest.mark.parametrize(
    "head", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a", b"\r\n"]
)
def test_a_head_that_does_not_come_in_time_is_not_waited_for(address: tuple[str, int], head: bytes) -> None:
    assert problem(exchange(address, head)) == (408, "request_timeout")


def test_a_connection_on_which_nothing_comes_is_closed(address: tuple[str, int]) -> None:
    assert exchange(address) == b""


@pytest.mark.parametrize("then", [b"GET / HT", b"\r\n"])
def test_nor_is_the_head_of_a_second_request(address: tuple[str, int], then: bytes) -> None:
    with socket.create_connection(address, timeout=DEADLINE_S) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        first = connection.recv(65536)
        connection.sendall(then)
        rest = b"".join(iter(lambda: connection.recv(65536), b""))

    assert first.startswith(b"HTTP/1.1 200")
    assert problem(rest) == (408, "request_timeout")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: a\r\n" * 12_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Endless: " + b"a" * 70_000,
    ],
    ids=["line", "header", "headers", "endless"],
)
def test_a_head_that_is_too_large_is_refused(address: tuple[str, int], head: bytes) -> None:
    assert problem(exchange(address, head)) == (431, "headers_too_large")


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00\x01", b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_is_answered_with_a_problem(address: tuple[str, int], junk: bytes) -> None:
    assert problem(exchange(address, junk)) == (400, "malformed_body")


def test_an_upgrade_to_a_websocket_is_not_offered(start_gateway: StartGateway) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with start_gateway().client() as client:
        answer: httpx.Response = client.get("/livez", headers=upgrade)

    assert answer.status_code == 200
