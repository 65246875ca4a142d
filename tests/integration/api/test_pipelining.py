"""The gateway holds few pipelined requests at a time, and answers all in order."""

import socket
import threading

import pytest

from api.http.connection import flow_control, uvicorn_protocol
from api.http.connection.uvicorn_protocol import GuardedProtocol
from tests.integration.api.conftest import StartGateway
from tests.integration.api.raw import Address, address_of, answers, connect, exchange, read_all
from tests.integration.api.stand_ins import StandInWorker
from tests.polling import eventually
from tests.running_gateway import RunningGateway

GOOD = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
SLOW = b"GET /api/search-by-text?query=slow HTTP/1.1\r\nHost: x\r\n\r\n"


def numbered(number: int) -> bytes:
    return b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: n%d\r\n\r\n" % number


@pytest.fixture
def running(start_gateway: StartGateway) -> RunningGateway:
    return start_gateway()


@pytest.fixture
def address(running: RunningGateway) -> Address:
    return address_of(running)


def connections(running: RunningGateway) -> set[GuardedProtocol]:
    return running._server.server_state.connections  # type: ignore[return-value]


@pytest.mark.parametrize("piece_bytes", [1, 7, 100, 10_000_000])
def test_pipelined_answers_come_in_request_order(address: Address, piece_bytes: int) -> None:
    count = 40 if piece_bytes == 1 else 400
    sent = b"".join(numbered(number) for number in range(count)) + LAST

    with connect(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(sent), piece_bytes):
            connection.sendall(sent[start : start + piece_bytes])
        received = answers(read_all(connection))

    assert [answer.headers["x-request-id"] for answer in received[:-1]] == [f"n{n}" for n in range(count)]


def test_pipelined_requests_with_and_without_bodies_are_answered(gateway: RunningGateway) -> None:
    body = b'{"parts": [{"text": "' + b"a" * 400 + b'"}]}\r\n\r\n'
    whole = b"POST /api/search?wait=9 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nX: y\r\n\r\n"
    chunked = b"POST /api/search?wait=9 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    with connect(address_of(gateway)) as connection:
        connection.sendall((GOOD + whole + chunked) * 10 + LAST)
        received = answers(read_all(connection))

    assert [answer.status for answer in received] == [200] * 31
    assert ["alive" in answer.json() for answer in received] == [True, False, False] * 10 + [True]


def test_reading_pauses_after_a_few_pipelined_requests(
    gateway: RunningGateway, worker: StandInWorker
) -> None:
    worker.pause()

    with connect(address_of(gateway)) as connection:
        connection.sendall(SLOW + GOOD * 2000 + LAST)
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        (held,) = (one for one in connections(gateway) if one.pipeline)
        assert len(held.pipeline) == uvicorn_protocol.PIPELINED_MAX
        assert held.flow.read_paused
        worker.resume()
        received = answers(read_all(connection))

    assert [answer.status for answer in received] == [200] * 2002


def test_a_slow_reader_does_not_resume_reading_of_requests(
    gateway: RunningGateway, worker: StandInWorker
) -> None:
    # While a request waits, it listens for a disconnect, which makes uvicorn read further requests.
    worker.pause()

    with connect(address_of(gateway)) as connection:
        connection.sendall(SLOW)
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            send_at_most(connection, 64 * 1024 * 1024)
        eventually(lambda: any(one.flow.is_held for one in connections(gateway)))
        (held,) = (one for one in connections(gateway) if one.flow.is_held)
        assert len(held.pipeline) == uvicorn_protocol.PIPELINED_MAX
        assert held.flow.read_paused
        worker.resume()


def test_the_head_of_a_pipelined_request_may_arrive_in_two_pieces(
    gateway: RunningGateway, worker: StandInWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_protocol, "HEAD_TIMEOUT_S", 0.5)
    worker.pause()

    with connect(address_of(gateway)) as connection:
        connection.sendall(SLOW + GOOD + b"GET /livez HT")
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        connection.sendall(b"TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        (busy,) = (one for one in connections(gateway) if one.pipeline)
        eventually(lambda: len(busy.pipeline) == 2)
        worker.resume()
        received = answers(read_all(connection))

    assert [answer.status for answer in received] == [200] * 3


def test_a_client_that_never_reads_is_disconnected(
    running: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_control, "SEND_TIMEOUT_S", 0.5)

    with connect(address_of(running)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sender = threading.Thread(target=send_for_ever, args=(connection,))
        sender.start()
        sender.join()

    eventually(lambda: not connections(running))


def send_at_most(connection: socket.socket, size_bytes: int) -> None:
    sent = 0
    while sent < size_bytes:
        sent += connection.send(GOOD * 1000)


def send_for_ever(connection: socket.socket) -> None:
    try:
        while True:
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
    except OSError:
        return


BODY = b"x" * 1000
UNREAD = {
    "GET with a body": (200, b"GET /livez HTTP/1.1\r\n"),
    "unknown path": (404, b"POST /api/nothing HTTP/1.1\r\n"),
    "wrong method": (405, b"POST /livez HTTP/1.1\r\n"),
    "unknown parameter": (
        422,
        b"POST /api/search-by-image?unknown=1 HTTP/1.1\r\nContent-Type: image/png\r\n",
    ),
    "compressed": (415, b"POST /api/search-by-image HTTP/1.1\r\nContent-Encoding: gzip\r\n"),
}
LENGTH = b"Content-Length: 1000\r\n\r\n" + BODY
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + BODY + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("name", UNREAD)
@pytest.mark.parametrize("body", [LENGTH, CHUNKED], ids=["length", "chunked"])
def test_an_answer_before_the_body_was_read_announces_the_close(
    address: Address, name: str, body: bytes
) -> None:
    status, head = UNREAD[name]
    following = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"

    (answer,) = answers(exchange(address, head + b"Host: x\r\n" + body + following))

    assert (answer.status, answer.headers["connection"]) == (status, "close")
