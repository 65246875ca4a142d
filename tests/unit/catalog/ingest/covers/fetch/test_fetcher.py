"""Covers are fetched only from public hosts, within limits of size and time, and at each host's rate."""

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catalog.ingest.covers.fetch.fetcher import CoverFetcher, NotFound
from catalog.ingest.covers.fetch.public_addresses import is_public
from catalog.ingest.covers.fetch.responses import Validators
from catalog.ingest.rejection import RowFault
from tests.cover_server import MODIFIED, CoverServer, Limit, answer, cover_server, drip, hang, redirect

BODY = b"\xff\xd8" + bytes(5000)
COVER = "/cover.jpg"


@pytest.fixture
def server() -> Iterator[CoverServer]:
    with cover_server() as server:
        server.covers[COVER] = BODY
        yield server


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ingest.covers.fetch.fetcher.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("catalog.ingest.covers.fetch.host_rate_limits.FIRST_WAIT_S", 0.02)


def fetcher(**options: Any) -> CoverFetcher:
    chosen = {"max_bytes": 10_000, "allow_private": True, "per_host": 1000.0, "total_timeout_s": 5.0}
    return CoverFetcher(**(chosen | options))


def fault_of(fetcher: CoverFetcher, url: str) -> RowFault:
    with pytest.raises(RowFault) as caught:
        fetcher.fetch(url)
    return caught.value


def test_a_request_has_the_covers_host_and_the_given_user_agent(server: CoverServer) -> None:
    server.answers["/moved"] = redirect(COVER)

    assert fetcher(user_agent="shop/2 (covers@example.org)").fetch(server.url("/moved")).content == BODY

    assert {asked.headers["Host"] for asked in server.asked} == {f"localhost:{server.server_address[1]}"}
    assert {asked.headers["User-Agent"] for asked in server.asked} == {"shop/2 (covers@example.org)"}


@pytest.mark.parametrize(
    ("path", "reply", "reason"),
    [
        ("/none", None, "cover_unreachable"),
        ("/round", redirect("/round"), "cover_unreachable"),
        ("/file", redirect("file:///etc/passwd"), "cover_refused"),
        ("/nowhere", redirect("http://[::1"), "cover_unreachable"),
        ("/empty", answer(b""), "cover_unreachable"),
        ("/unasked", answer(b"", status=304), "cover_unreachable"),
    ],
)
def test_a_response_that_is_not_a_cover_is_reported_with_the_reason(
    server: CoverServer, path: str, reply: Callable[[Any], None] | None, reason: str
) -> None:
    if reply is not None:
        server.answers[path] = reply

    assert fault_of(fetcher(), server.url(path)).reason == reason


def test_reading_stops_at_the_size_limit_of_a_cover(server: CoverServer) -> None:
    assert "more than 1000 bytes" in fault_of(fetcher(max_bytes=1000), server.url(COVER)).detail


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nX-Long: ", b""],
    ids=["body", "header", "nothing"],
)
def test_a_slow_response_is_abandoned_at_the_deadline(server: CoverServer, head: bytes) -> None:
    server.answers["/drip"] = drip(head) if head else hang

    assert "took more than 0.3 s" in fault_of(fetcher(total_timeout_s=0.3), server.url("/drip")).detail


@pytest.mark.parametrize("faults", [[500], [429, 500], [0], [0, 504], [503, 503, 429, 503]])
def test_a_host_that_fails_once_is_retried(server: CoverServer, faults: list[int]) -> None:
    server.faults[:] = faults

    assert fetcher().fetch(server.url(COVER)).content == BODY

    assert server.statuses() == [*faults, 200]


@pytest.mark.parametrize(("fault", "asked"), [(500, 3), (0, 3), (404, 1), (403, 1)])
def test_server_errors_are_retried_and_client_errors_are_not(
    server: CoverServer, fault: int, asked: int
) -> None:
    server.faults[:] = [fault] * 9

    assert fault_of(fetcher(), server.url(COVER)).reason == "cover_unreachable"

    assert len(server.asked) == asked


@pytest.mark.parametrize("status", [429, 503])
def test_a_cover_that_its_host_refuses_repeatedly_is_given_up(server: CoverServer, status: int) -> None:
    server.answers["/refused"] = answer(b"", status=status)
    fetching = fetcher()
    answered = threading.Event()

    def ask_for_another() -> None:
        while not answered.is_set():
            fetching.fetch(server.url(COVER))

    other = threading.Thread(target=ask_for_another)
    other.start()
    try:
        fault = fault_of(fetching, server.url("/refused"))
    finally:
        answered.set()
        other.join()

    assert fault.detail.endswith(f"was answered with {status}")


def together(fetching: CoverFetcher, urls: list[str], *, threads: int = 4) -> list[bytes]:
    with ThreadPoolExecutor(threads) as executor:
        return [fetched.content for fetched in executor.map(fetching.fetch, urls)]


@pytest.mark.parametrize(
    "limit",
    [
        Limit(10, 0.1),
        Limit(10, 0.1, status=503),
        Limit(10, 0.1, retry_after="0.1"),
        Limit(20, 0.2, status=503, retry_after="0"),
    ],
    ids=["429", "503", "429 with Retry-After", "503 with Retry-After: 0"],
)
def test_a_hundred_covers_arrive_from_a_rate_limited_host(server: CoverServer, limit: Limit) -> None:
    server.covers |= {f"/{n}.jpg": BODY + bytes([n]) for n in range(100)}
    server.limit = limit

    # The fetcher's rate is ten times the host's limit.
    got = together(fetcher(per_host=1000), [server.url(f"/{n}.jpg") for n in range(100)])

    assert got == [BODY + bytes([n]) for n in range(100)]
    refused = server.statuses().count(limit.status)
    assert 0 < refused < 100


def test_a_rate_below_the_hosts_limit_is_never_refused(server: CoverServer) -> None:
    server.covers |= {f"/{n}.jpg": BODY for n in range(40)}
    # The host's limit is twice the fetcher's rate, because one window may overlap two intervals.
    server.limit = Limit(20, 0.1)

    together(fetcher(per_host=100), [server.url(f"/{n}.jpg") for n in range(40)])

    assert server.statuses() == [200] * 40


@pytest.mark.parametrize(
    "retry_after", ["1", lambda: formatdate(time.time() + 2, usegmt=True)], ids=["seconds", "date"]
)
def test_the_retry_after_of_a_host_is_respected(
    server: CoverServer, retry_after: str | Callable[[], str]
) -> None:
    open_at: list[float] = []

    def refuse_for_a_second(handler: Any) -> None:
        open_at.append(time.monotonic() + 1)
        if time.monotonic() < open_at[0]:
            value = retry_after if isinstance(retry_after, str) else retry_after()
            handler.reply(429, headers={"Retry-After": value})
        else:
            handler.reply(200, BODY)

    server.answers["/busy"] = refuse_for_a_second

    assert fetcher().fetch(server.url("/busy")).content == BODY

    assert server.statuses() == [429, 200]


def test_a_host_with_a_retry_after_of_an_hour_fails_all_its_covers(
    server: CoverServer,
) -> None:
    server.answers["/busy"] = answer(b"", status=429, headers={"Retry-After": "3600"})
    fetching = fetcher()

    first = fault_of(fetching, server.url("/busy"))
    second = fault_of(fetching, server.url(COVER))

    assert "asked for a pause of 3" in first.detail
    assert "asked for a pause of 3" in second.detail
    assert len(server.asked) == 1


def test_waiting_fetches_fail_when_their_host_is_given_up(server: CoverServer) -> None:
    server.answers["/busy"] = answer(b"", status=429, headers={"Retry-After": "100"})
    fetching = fetcher()

    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(fetching.fetch, server.url("/busy"))
        while not server.asked:
            assert not waiting.done()
        fetching.close()
        with pytest.raises(RowFault, match="not fetched any more"):
            waiting.result(timeout=10)


def test_a_refusal_pauses_only_its_own_host(server: CoverServer) -> None:
    server.answers["/busy"] = answer(b"", status=429, headers={"Retry-After": "100"})
    fetching = fetcher()
    with cover_server() as other, ThreadPoolExecutor(1) as executor:
        other.covers[COVER] = BODY
        waiting = executor.submit(fetching.fetch, server.url("/busy"))
        while not server.asked:
            assert not waiting.done()

        assert fetching.fetch(other.url(COVER)).content == BODY

        assert not waiting.done()
        fetching.close()


def test_an_unchanged_cover_is_not_transferred_again(server: CoverServer) -> None:
    fetching = fetcher()

    first = fetching.fetch(server.url(COVER))
    second = fetching.fetch_changed(server.url(COVER), first.validators)
    server.covers[COVER] = BODY + b"new"
    third = fetching.fetch_changed(server.url(COVER), first.validators)

    assert second is None
    assert third is not None
    assert (first.content, third.content) == (BODY, BODY + b"new")
    assert first.validators.last_modified == MODIFIED
    assert third.validators.etag != first.validators.etag
    assert server.statuses() == [200, 304, 200]
    assert "If-None-Match" not in server.asked[0].headers
    assert server.asked[1].headers["If-Modified-Since"] == MODIFIED


@pytest.mark.parametrize("etag", ["x" * 501, '"\u00e4"', "", None])
def test_a_validator_that_no_header_can_hold_is_not_stored(server: CoverServer, etag: str | None) -> None:
    server.answers["/odd"] = answer(BODY, headers={} if etag is None else {"ETag": etag})

    assert fetcher().fetch(server.url("/odd")).validators == Validators()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)],
)
def test_a_compressed_response_is_decompressed(
    server: CoverServer, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    server.answers["/packed"] = answer(pack(BODY), headers={"Content-Encoding": coding})

    assert fetcher().fetch(server.url("/packed")).content == BODY


@pytest.mark.parametrize(
    ("coding", "body", "says"),
    [
        ("gzip", gzip.compress(bytes(20_000_000)), "more than 10000 bytes"),
        ("gzip", gzip.compress(BODY)[:-9], "cannot be unpacked"),
        ("gzip", BODY, "cannot be unpacked"),
        ("br", BODY, "the content coding br"),
        ("gzip, gzip", BODY, "the content coding gzip, gzip"),
    ],
    ids=["too large", "cut short", "not packed", "unknown", "twice"],
)
def test_an_invalid_compressed_response_is_reported(
    server: CoverServer, coding: str, body: bytes, says: str
) -> None:
    server.answers["/packed"] = answer(body, headers={"Content-Encoding": coding})

    assert says in fault_of(fetcher(), server.url("/packed")).detail


def test_a_truncated_body_is_fetched_again(server: CoverServer) -> None:
    sent: list[int] = []

    def cut_once(handler: Any) -> None:
        sent.append(1)
        handler.close_connection = True
        handler.reply(200, BODY[:100] if len(sent) == 1 else BODY, length=len(BODY))

    server.answers["/cut"] = cut_once

    assert fetcher().fetch(server.url("/cut")).content == BODY
    assert len(sent) == 2


def test_a_body_that_is_always_truncated_is_rejected(server: CoverServer) -> None:
    def cut(handler: Any) -> None:
        handler.close_connection = True
        handler.reply(200, BODY[:100], length=len(BODY))

    server.answers["/cut"] = cut

    assert "cannot be fetched" in fault_of(fetcher(), server.url("/cut")).detail


@pytest.mark.parametrize(
    ("kind", "body", "is_cover"),
    [
        ("text/html; charset=utf-8", b"\n<!doctype html><p>Blocked", False),
        ("application/json", b'{"error": "quota"}', False),
        ("text/html", BODY, True),
        ("application/octet-stream", BODY, True),
        ("image/jpeg", BODY, True),
        # The fetcher accepts the SVG, because only the decoder checks whether a file is a supported image.
        ("image/svg+xml", b"<svg/>", True),
    ],
)
def test_an_html_page_is_rejected_and_a_mistyped_image_accepted(
    server: CoverServer, kind: str, body: bytes, *, is_cover: bool
) -> None:
    server.answers["/kind"] = answer(body, headers={"Content-Type": kind})

    if is_cover:
        assert fetcher().fetch(server.url("/kind")).content == body
    else:
        fault = fault_of(fetcher(), server.url("/kind"))
        assert (fault.reason, "and not a picture" in fault.detail) == ("cover_unreachable", True)


def test_no_connection_is_made_to_a_private_host(server: CoverServer) -> None:
    assert fault_of(fetcher(allow_private=False), server.url(COVER)).reason == "cover_refused"

    assert server.asked == []


def test_a_redirect_to_a_private_host_is_refused(
    server: CoverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/inside"] = redirect("http://169.254.169.254/latest/meta-data/")
    # The test treats the server's own address as public, so that the fetcher follows the redirect.
    monkeypatch.setattr(
        "catalog.ingest.covers.fetch.fetcher.is_public",
        lambda ip: ip in {"127.0.0.1", "::1"} or is_public(ip),
    )

    assert "169.254.169.254" in fault_of(fetcher(allow_private=False), server.url("/inside")).detail


def lead(monkeypatch: pytest.MonkeyPatch, host: str, *addresses: str) -> list[str]:
    """Make a host name resolve to these addresses; return the list to which each look-up is added."""
    asked: list[str] = []
    lookup = socket.getaddrinfo

    def resolve(name: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(name)
        targets = addresses if name == host else (name,)
        return [entry for target in targets for entry in lookup(target, port, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize(
    "others",
    [
        # The addresses refuse the connection, are unreachable, do not answer, or belong to another address
        # family.
        ["127.0.0.9"],
        ["2001:db8::1"],
        ["192.0.2.1"],
        ["192.0.2.1", "192.0.2.2"],
        ["::1"],
        ["2001:db8::1", "2001:db8::2", "127.0.0.9"],
    ],
)
def test_every_address_of_a_host_is_tried(
    server: CoverServer, monkeypatch: pytest.MonkeyPatch, others: list[str]
) -> None:
    lead(monkeypatch, "cdn.example", *others, "127.0.0.1")

    assert fetcher().fetch(server.url(COVER, "cdn.example")).content == BODY


def test_the_last_reachable_address_is_tried_first(
    server: CoverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    connect = socket.socket.connect_ex

    class Seen(socket.socket):
        def connect_ex(self, address: Any, /) -> int:
            tried.append(address[0])
            return connect(self, address)

    lead(monkeypatch, "cdn.example", "127.0.0.9", "127.0.0.1")
    monkeypatch.setattr("catalog.ingest.covers.fetch.pinned_connections.socket.socket", Seen)
    fetching = fetcher()

    fetching.fetch(server.url(COVER, "cdn.example"))
    fetching.fetch(server.url(COVER, "cdn.example"))

    assert tried == ["127.0.0.9", "127.0.0.1", "127.0.0.1"]


def test_an_unreachable_host_reports_the_error_of_each_address(monkeypatch: pytest.MonkeyPatch) -> None:
    lead(monkeypatch, "cdn.example", "127.0.0.8", "127.0.0.9")

    detail = fault_of(fetcher(), "http://cdn.example:9/cover.jpg").detail

    assert "127.0.0.8: Connection refused; 127.0.0.9: Connection refused" in detail


def test_a_host_with_one_private_address_among_others_is_refused(
    server: CoverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, "cdn.example", "93.184.215.14", "127.0.0.1")

    fault = fault_of(fetcher(allow_private=False), server.url(COVER, "cdn.example"))

    assert fault.reason == "cover_refused"
    assert server.asked == []


def test_the_connection_goes_to_the_address_that_was_checked(
    server: CoverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = lead(monkeypatch, "cdn.example", "127.0.0.1")

    assert fetcher().fetch(server.url(COVER, "cdn.example")).content == BODY

    assert asked.count("cdn.example") == 1


@pytest.fixture
def secured(server: CoverServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Serve covers by TLS as cdn.example with a trusted certificate; return a function that makes URLs."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cdn.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("cdn.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, own = tmp_path / "certificate.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key_pem)
    own.load_cert_chain(pem)
    server.socket = own.wrap_socket(server.socket, server_side=True)
    trusted = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr("catalog.ingest.covers.fetch.fetcher.httpx.create_ssl_context", lambda **_: trusted)
    return lambda host: server.url(COVER, host).replace("http:", "https:")


def test_a_cover_is_fetched_over_tls_from_a_host_with_a_valid_certificate(
    server: CoverServer, secured: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, "cdn.example", "127.0.0.1")

    assert fetcher().fetch(secured("cdn.example")).content == BODY


def test_a_host_with_the_certificate_of_another_is_refused(
    server: CoverServer, secured: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, "other.example", "127.0.0.1")

    assert "certificate verify failed" in fault_of(fetcher(), secured("other.example")).detail
    assert server.asked == []


@pytest.mark.parametrize("url", ["ftp://example.org/a", "cover.jpg", "http://", "", "http://[::1", "data:x"])
def test_a_url_that_is_not_http_is_refused(url: str) -> None:
    fault_of(fetcher(), url)


@pytest.mark.parametrize("status", [404, 410])
def test_a_host_that_has_nothing_is_told_apart_from_a_host_that_fails(
    server: CoverServer, status: int
) -> None:
    server.answers["/gone"] = answer(b"", status=status)

    assert isinstance(fault_of(fetcher(), server.url("/gone")), NotFound)
    server.answers["/gone"] = answer(b"", status=403)
    assert not isinstance(fault_of(fetcher(), server.url("/gone")), NotFound)


def test_a_fetcher_of_documents_accepts_json(server: CoverServer) -> None:
    server.answers["/json"] = answer(b'{"a": 1}', headers={"Content-Type": "application/json"})

    assert fetcher(pictures_only=False).fetch(server.url("/json")).content == b'{"a": 1}'
    assert "not a picture" in fault_of(fetcher(), server.url("/json")).detail
