"""Each malformed HTTP request is answered with a problem document, after all earlier answers."""

import pytest

from api.http.connection.uvicorn_protocol import PIPELINED_MAX
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

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
GOOD = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /api/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "unknown coding": POST + b"Transfer-Encoding: foo\r\n\r\nabc",
    "gzip alone": POST + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\nabc",
    "chunked is not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked is not last, two fields": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in two fields": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "empty coding": POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "blank list element": POST + b"Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
    "vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "coding in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding, then length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "length, then coding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size": CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n",
    "huge chunk size": CHUNKED + b"f" * 17 + b"\r\nabc",
    "no CRLF after a chunk": CHUNKED + b"3\r\nabcX\r\n0\r\n\r\n",
    "LF after a chunk": CHUNKED + b"3\r\nabc\n0\r\n\r\n",
    "LF after a chunk size": CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "LF in an extension": CHUNKED + b"3;a=\nb\r\nabc\r\n0\r\n\r\n",
    "bad trailer": CHUNKED + b"0\r\nX y\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "the same length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "hexadecimal length": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "empty length": POST + b"Content-Length:\r\n\r\nabc",
    "length of many digits": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
    "huge length": POST + b"Content-Length: 99999999999999999999\r\n\r\nabc",
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "two hosts in HTTP/1.0": b"GET /livez HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
    "empty host": b"GET /livez HTTP/1.1\r\nHost:\r\n\r\n",
    "host with a blank": b"GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with a user": b"GET /livez HTTP/1.1\r\nHost: user@x\r\n\r\n",
    "host with a path": b"GET /livez HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "host with a name for a port": b"GET /livez HTTP/1.1\r\nHost: x:http\r\n\r\n",
    "host in UTF-8": "GET /livez HTTP/1.1\r\nHost: müsli\r\n\r\n".encode(),
    "host that is no IPv6 address": b"GET /livez HTTP/1.1\r\nHost: [1::2::3]\r\n\r\n",
    "no version": b"GET /livez\r\n\r\n",
    "HTTP/0.9": b"GET /livez HTTP/0.9\r\nHost: x\r\n\r\n",
    "HTTP/2.0": b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
    "unknown method": b"FROB /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "method in lower case": b"get /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "blank before the method": b" GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "path without a slash": b"GET livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    "fragment": b"GET /livez#a HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes beyond ASCII in the path": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "tab in the path": b"GET /li\tvez HTTP/1.1\r\nHost: x\r\n\r\n",
    "another scheme": b"GET ftp://x/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "user in the address": b"GET http://user@x/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "LF alone": b"GET /livez HTTP/1.1\nHost: x\n\n",
    "LF after a field": b"GET /livez HTTP/1.1\r\nHost: x\n\r\n",
    "LF at the end": b"GET /livez HTTP/1.1\r\nHost: x\r\n\n",
    "CR within a value": b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
    "zero within a value": b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "folded field": b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "blank before the fields": b"GET /livez HTTP/1.1\r\n Host: x\r\n\r\n",
    "blank before the colon": b"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n",
    "no colon": b"GET /livez HTTP/1.1\r\nHost: x\r\nA\r\n\r\n",
    "no name": b"GET /livez HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
}
UNIMPLEMENTED = {
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two fields": POST + b"Transfer-Encoding: foo\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture
def address(start_gateway: StartGateway) -> Address:
    return address_of(start_gateway())


def test_a_malformed_request_is_answered_with_a_problem(address: Address) -> None:
    got = {name: problem(exchange(address, request)) for name, request in MALFORMED.items()}

    assert got == dict.fromkeys(MALFORMED, (400, "malformed_body"))


def test_an_unsupported_http_feature_is_answered_with_501(address: Address) -> None:
    got = {name: problem(exchange(address, request)) for name, request in UNIMPLEMENTED.items()}

    assert got == dict.fromkeys(UNIMPLEMENTED, (501, "not_implemented"))


@pytest.mark.parametrize("are_apart", [False, True])
def test_requests_before_a_malformed_one_are_answered_first(address: Address, are_apart: bool) -> None:
    for name, request in MALFORMED.items():
        pieces = [GOOD, GOOD, request] if are_apart else [GOOD + GOOD + request]

        *good, bad = answers(exchange(address, *pieces))

        assert [answer.status for answer in good] == [200, 200], name
        assert check_problem(bad) == (400, "malformed_body"), name


def test_a_malformed_request_sent_byte_by_byte_is_answered(address: Address) -> None:
    for name in (
        "unknown coding",
        "chunk size",
        "no CRLF after a chunk",
        "two hosts",
        "blank before the colon",
    ):
        request = MALFORMED[name]

        assert problem(exchange(address, *(bytes([byte]) for byte in request))) == (400, "malformed_body"), (
            name
        )


def test_a_malformed_request_is_answered_after_a_slow_earlier_answer(
    gateway: RunningGateway, worker: StandInWorker
) -> None:
    worker.pause()
    slow = b"GET /api/search-by-text?query=slow HTTP/1.1\r\nHost: x\r\n\r\n"

    with connect(address_of(gateway)) as connection:
        connection.sendall(slow + MALFORMED["chunk size"])
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        worker.resume()
        first, second = answers(read_all(connection))

    assert first.status == 200
    assert first.json()["total_results"] == 10
    assert check_problem(second) == (400, "malformed_body")


def test_a_malformed_request_after_another_error_gets_its_own_answer(address: Address) -> None:
    # The gateway parses the malformed request while it is still sending the error response to the previous
    # request.
    refused = b"GET /api/stats?unknown=1 HTTP/1.1\r\nHost: x\r\n\r\n"

    for name, request in MALFORMED.items():
        *before, last = answers(exchange(address, refused * (PIPELINED_MAX + 2) + request))

        assert [answer.status for answer in before] == [422] * (PIPELINED_MAX + 2), name
        assert check_problem(last) == (400, "malformed_body"), name


def test_the_malformed_body_of_a_pipelined_request_is_refused_in_order(
    gateway: RunningGateway, worker: StandInWorker
) -> None:
    worker.pause()
    slow = b"GET /api/search-by-text?query=slow HTTP/1.1\r\nHost: x\r\n\r\n"

    with connect(address_of(gateway)) as connection:
        connection.sendall(slow + GOOD + CHUNKED + b"3\r\nabc\r\n")
        eventually(lambda: len(gateway.gateway.waiters) == 1)
        connection.sendall(b"zz\r\n")
        worker.resume()
        first, second, third = answers(read_all(connection))

    assert [first.status, second.status] == [200, 200]
    assert check_problem(third) == (400, "malformed_body")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /livez HTTP/1.1\r\nHost: [::1]:8000",
        b"GET /livez HTTP/1.1\r\nHost: a_b.example:",
        b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1:8000 ",
        b"GET http://other.example/livez HTTP/1.1\r\nHost: x",
        b"GET HTTP://[::1]:80/livez?a=b HTTP/1.1\r\nHost: x",
        b"GET /livez HTTP/1.0",
        b"GET /livez HTTP/1.1\r\nhOST:x\r\nA: b\tc",
        b"\r\n\r\nGET /livez HTTP/1.1\r\nHost: x",
    ],
)
def test_a_well_formed_request_is_answered(address: Address, request_line: bytes) -> None:
    (answer,) = answers(exchange(address, request_line + b"\r\nConnection: close\r\n\r\n"))

    assert (answer.status, answer.json()) == (200, {"alive": True})


def test_a_url_without_a_path_means_the_root(address: Address) -> None:
    request = b"GET http://x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    (answer,) = answers(exchange(address, request))

    assert answer.json()["service"] == "cover-search"


def test_trailers_do_not_become_headers(address: Address) -> None:
    request = CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"1\r\n[\r\n0\r\n"

    (answer,) = answers(exchange(address, request + b"X-Request-Id: of-a-trailer\r\n\r\n"))

    assert (answer.status, answer.json()["code"]) == (400, "malformed_body")
    assert answer.headers["x-request-id"] != "of-a-trailer"


@pytest.mark.parametrize(
    "endless",
    [b"0\r\n" + b"X-Trailer: a\r\n" * 10_000, b"0\r\nX: " + b"a" * 100_000, b"3;" + b"a" * 100_000],
    ids=["trailers", "trailer", "extension"],
)
def test_chunk_extensions_and_trailers_have_a_size_limit(address: Address, endless: bytes) -> None:
    assert problem(exchange(address, CHUNKED + endless)) == (431, "headers_too_large")


@pytest.mark.parametrize("body", [b"Content-Length: 21", b"Transfer-Encoding: chunked"])
def test_an_unsupported_upgrade_is_ignored_and_the_body_is_read(gateway: RunningGateway, body: bytes) -> None:
    head = b"POST /api/search HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    content = b'{"parts":[{"text":1}]'
    sent = content if body.startswith(b"Content") else b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    last = GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    for pieces in ([head + body + b"\r\n\r\n" + sent + last], [head + body + b"\r\n\r\n", sent, last]):
        first, second = answers(exchange(address_of(gateway), *pieces))

        assert (first.status, first.json()["code"]) == (400, "malformed_body")
        assert second.status == 200


def test_requests_after_connection_close_are_not_answered(address: Address) -> None:
    last = GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    (answer,) = answers(exchange(address, last + GOOD + MALFORMED["two hosts"]))

    assert answer.status == 200


def chunked(body: bytes, *, size: int) -> bytes:
    """Return a request whose body consists of chunks of `size` bytes."""
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_a_body_of_too_many_small_chunks_is_refused(address: Address) -> None:
    received = exchange(address, chunked(b" " * 200_000, size=1))

    assert problem(received) == (400, "malformed_body")
    assert b"fewer than 64 bytes on average" in received


@pytest.mark.parametrize(("size", "body_bytes"), [(1, 4000), (64, 1_000_000), (1000, 1_000_000)])
def test_a_body_of_few_or_larger_chunks_is_read(address: Address, size: int, body_bytes: int) -> None:
    body = b'{"parts": [], "limit": 0}'.ljust(body_bytes)

    (answer,) = answers(exchange(address, chunked(body, size=size), half_close=True))

    assert answer.json()["code"] != "malformed_body"
