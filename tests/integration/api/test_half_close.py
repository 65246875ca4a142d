"""The gateway answers complete requests of clients that have half-closed their connection."""

import socket

import pytest
from redis import Redis

from api.http.connection import flow_control
from common.redis import keyspace
from tests.integration.api.conftest import StartGateway
from tests.integration.api.raw import (
    Address,
    address_of,
    answers,
    check_problem,
    connect,
    exchange,
    problem,
    read_all,
)
from tests.integration.api.stand_ins import StandInWorker
from tests.polling import eventually
from tests.running_gateway import RunningGateway

GOOD = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
UPLOAD = (
    b"POST /api/search-by-image HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)
SEARCH = b"GET /api/search-by-text?query=preference HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def address(start_gateway: StartGateway) -> Address:
    return address_of(start_gateway())


@pytest.mark.parametrize("request_", [GOOD, GOOD.replace(b"1.1", b"1.0")])
def test_a_complete_request_is_answered_after_a_half_close(address: Address, request_: bytes) -> None:
    (answer,) = answers(exchange(address, request_, half_close=True))

    assert (answer.status, answer.json()) == (200, {"alive": True})


def test_every_complete_request_is_answered_after_a_half_close(address: Address) -> None:
    received = answers(exchange(address, GOOD * 100, half_close=True))

    assert [answer.status for answer in received] == [200] * 100
    assert received[-1].headers["connection"] == "close"


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_slow_answer_is_sent_after_a_half_close(
    gateway: RunningGateway, worker: StandInWorker, version: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_control, "PROBE_EVERY_S", 0.05)
    worker.pause()

    with connect(address_of(gateway)) as connection:
        connection.sendall(SEARCH.replace(b"1.1", version))
        connection.shutdown(socket.SHUT_WR)
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        interim = b""
        while version == b"1.1" and interim.count(b"100 Continue") < flow_control.PROBES:
            interim += connection.recv(65536)
        worker.resume()
        received = read_all(connection)

    (answer,) = answers(interim + received)
    assert (answer.status, answer.json()["total_results"]) == (200, 10)
    # A client that uses HTTP/1.0 must get no interim answer (RFC 9110, 15.2).
    assert (b"HTTP/1.1 100" in received) is False


def test_a_disconnected_client_ends_the_wait_but_not_its_job(
    gateway: RunningGateway, worker: StandInWorker, redis: Redis
) -> None:
    worker.pause()
    waiting = gateway.gateway.waiters
    with connect(address_of(gateway)) as connection:
        connection.sendall(SEARCH + GOOD)
        eventually(lambda: len(waiting) == 1)

    eventually(lambda: len(waiting) == 0)
    worker.resume()

    with gateway.client() as client:
        (job,) = redis.scan_iter(keyspace.JOB + "*")
        job_id = job.decode().removeprefix(keyspace.JOB)
        assert client.get(f"/api/jobs/{job_id}?wait=10").json()["status"] == "succeeded"


@pytest.mark.parametrize(
    "cut",
    [
        b"GET /livez HT",
        b"GET /livez HTTP/1.1\r\nHost: x\r\n",
        b"POST /api/search HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
        b"POST /api/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
        b"POST /api/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        UPLOAD + b"--b\r\n",
    ],
)
def test_a_truncated_request_is_malformed(address: Address, cut: bytes) -> None:
    assert problem(exchange(address, cut, half_close=True)) == (400, "malformed_body")

    first, second = answers(exchange(address, GOOD + cut, half_close=True))

    assert first.status == 200
    assert check_problem(second) == (400, "malformed_body")


@pytest.mark.parametrize("nothing", [b"", b"\r\n"])
def test_a_half_close_without_a_request_gets_no_answer(address: Address, nothing: bytes) -> None:
    assert exchange(address, nothing, half_close=True) == b""


def test_a_half_closed_client_gets_its_event_stream_to_the_end(
    gateway: RunningGateway, worker: StandInWorker
) -> None:
    worker.pause()
    with gateway.client() as client:
        job = client.get("/api/search-by-text?query=fog", headers={"Prefer": "respond-async"}).json()["id"]

    with connect(address_of(gateway)) as connection:
        connection.sendall(b"GET /api/jobs/%b/events HTTP/1.1\r\nHost: x\r\n\r\n" % job.encode())
        connection.shutdown(socket.SHUT_WR)
        received = connection.recv(65536)
        worker.resume()
        received += read_all(connection)

    assert b"event: succeeded" in received
    assert received.endswith(b"0\r\n\r\n")
