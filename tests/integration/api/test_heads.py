"""Requests whose head is missing, endless or not HTTP, sent over plain sockets."""

from collections.abc import Iterator

import httpx
import pytest

from api.http.connection import uvicorn_protocol
from tests.integration.api.conftest import StartGateway
from tests.integration.api.raw import Address, address_of, connect, exchange, problem, read_all
from tests.running_gateway import RunningGateway


@pytest.fixture
def address(start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    # A time-out shorter than the default makes the tests fast.
    monkeypatch.setattr(uvicorn_protocol, "HEAD_TIMEOUT_S", 0.5)
    running: RunningGateway = start_gateway()
    yield address_of(running)
    with running.client() as client:
        assert client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    "head", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a", b"\r\n"]
)
def test_an_incomplete_head_times_out(address: Address, head: bytes) -> None:
    assert problem(exchange(address, head)) == (408, "request_timeout")


def test_a_silent_connection_is_closed(address: Address) -> None:
    assert exchange(address) == b""


@pytest.mark.parametrize("then", [b"GET / HT", b"\r\n"])
def test_the_incomplete_head_of_a_second_request_times_out(address: Address, then: bytes) -> None:
    with connect(address) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        first = connection.recv(65536)
        connection.sendall(then)
        rest = read_all(connection)

    assert first.startswith(b"HTTP/1.1 200")
    assert problem(rest) == (408, "request_timeout")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: a\r\n" * 12_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 200,
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Endless: " + b"a" * 70_000,
    ],
    ids=["line", "header", "headers", "many", "many, unfinished", "endless"],
)
def test_a_too_large_head_is_refused(address: Address, head: bytes) -> None:
    assert problem(exchange(address, head)) == (431, "headers_too_large")


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00\x01", b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_input_that_is_not_http_is_answered_with_a_problem(address: Address, junk: bytes) -> None:
    assert problem(exchange(address, junk)) == (400, "malformed_body")


def test_a_websocket_upgrade_is_ignored(start_gateway: StartGateway) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with start_gateway().client() as client:
        answer: httpx.Response = client.get("/livez", headers=upgrade)

    assert answer.status_code == 200
