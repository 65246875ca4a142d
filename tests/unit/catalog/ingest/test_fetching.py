"""Covers are fetched from public hosts alone, within limits, at the address that was judged."""

import http.server
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from catalog.ingest.fetching import CoverFetcher, is_public
from catalog.ingest.rejection import RowFault

BODY = b"\xff\xd8" + bytes(5000)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path, and notes the Host header of each request."""

    hosts: list[str]
    #: The statuses of the first answers, whatever was asked; 0 hangs up.
    faults: list[int]

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        if self.faults:
            self._fail(self.faults.pop(0))
            return
        match self.path:
            case "/cover.jpg":
                self._answer(200, BODY)
            case "/moved":
                self._redirect("/cover.jpg")
            case "/round":
                self._redirect("/round")
            case "/file":
                self._redirect("file:///etc/passwd")
            case "/inside":
                self._redirect("http://169.254.169.254/latest/meta-data/")
            case "/drip-body" | "/drip-headers":
                self._drip(b"HTTP/1.0 200 OK\r\n" + (b"\r\n" if "body" in self.path else b"X-Long: "))
            case _:
                self._answer(404, b"")

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, location: str) -> None:
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _fail(self, status: int) -> None:
        if status:
            self._answer(status, b"")
        # Else it hangs up without a word.

    def _drip(self, head: bytes) -> None:
        try:
            self.wfile.write(head)
            while not self.server.stopping.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b"x")
        except OSError:
            return  # the client has had enough


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    handler = type("OwnHandler", (Handler,), {"hosts": [], "faults": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.stopping = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.stopping.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def address(server: http.server.ThreadingHTTPServer, path: str) -> str:
    return f"http://localhost:{server.server_address[1]}{path}"


@pytest.fixture
def fetcher(monkeypatch: pytest.MonkeyPatch) -> CoverFetcher:
    monkeypatch.setattr("catalog.ingest.fetching.FIRST_WAIT_S", 0.01)
    return CoverFetcher(max_bytes=10_000, allow_private=True, total_timeout_s=5)


@pytest.mark.parametrize("path", ["/cover.jpg", "/moved"])
def test_a_cover_is_fetched_under_its_own_host(
    fetcher: CoverFetcher, server: http.server.ThreadingHTTPServer, path: str
) -> None:
    assert fetcher.fetch(address(server, path)) == BODY

    handler: Any = server.RequestHandlerClass
    assert set(handler.hosts) == {f"localhost:{server.server_address[1]}"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/none", "cover_unreachable"), ("/round", "cover_unreachable"), ("/file", "cover_refused")],
)
def test_what_is_no_cover_is_told_by_reason(
    fetcher: CoverFetcher, server: http.server.ThreadingHTTPServer, path: str, reason: str
) -> None:
    with pytest.raises(RowFault) as caught:
        fetcher.fetch(address(server, path))

    assert caught.value.reason == reason


def test_a_cover_larger_than_allowed_is_not_read_to_its_end(
    server: http.server.ThreadingHTTPServer,
) -> None:
    fetcher = CoverFetcher(max_bytes=1000, allow_private=True)

    with pytest.raises(RowFault, match="more than 1000 bytes"):
        fetcher.fetch(address(server, "/cover.jpg"))


@pytest.mark.parametrize("path", ["/drip-body", "/drip-headers"])
def test_a_server_that_drips_is_left_in_time(server: http.server.ThreadingHTTPServer, path: str) -> None:
    fetcher = CoverFetcher(max_bytes=10_000, allow_private=True, total_timeout_s=0.3)

    with pytest.raises(RowFault, match=r"took more than 0\.3 s"):
        fetcher.fetch(address(server, path))


@pytest.mark.parametrize("faults", [[503], [429, 500], [0], [0, 504]])
def test_a_host_that_answers_a_moment_later_is_asked_again(
    fetcher: CoverFetcher, server: http.server.ThreadingHTTPServer, faults: list[int]
) -> None:
    handler: Any = server.RequestHandlerClass
    handler.faults[:] = faults

    assert fetcher.fetch(address(server, "/cover.jpg")) == BODY

    assert len(handler.hosts) == len(faults) + 1


@pytest.mark.parametrize(("fault", "asked"), [(503, 3), (0, 3), (404, 1), (403, 1)])
def test_a_host_that_fails_is_asked_three_times_and_one_that_refuses_once(
    fetcher: CoverFetcher, server: http.server.ThreadingHTTPServer, fault: int, asked: int
) -> None:
    handler: Any = server.RequestHandlerClass
    handler.faults[:] = [fault] * 9

    with pytest.raises(RowFault) as caught:
        fetcher.fetch(address(server, "/cover.jpg"))

    assert caught.value.reason == "cover_unreachable"
    assert len(handler.hosts) == asked


def test_a_private_host_is_refused_without_a_connection(server: http.server.ThreadingHTTPServer) -> None:
    fetcher = CoverFetcher(max_bytes=10_000, allow_private=False)

    with pytest.raises(RowFault) as caught:
        fetcher.fetch(address(server, "/cover.jpg"))

    assert caught.value.reason == "cover_refused"
    handler: Any = server.RequestHandlerClass
    assert handler.hosts == []


def test_a_redirect_to_a_private_host_is_refused(
    server: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server's own address passes for public here, so that the redirect is reached.
    monkeypatch.setattr(
        "catalog.ingest.fetching.is_public", lambda ip: ip in {"127.0.0.1", "::1"} or is_public(ip)
    )

    fetcher = CoverFetcher(max_bytes=10_000, allow_private=False)

    with pytest.raises(RowFault) as caught:
        fetcher.fetch(address(server, "/inside"))

    assert "169.254.169.254" in caught.value.detail


def test_a_name_that_changes_its_address_is_reached_where_it_was_judged(
    fetcher: CoverFetcher, server: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def rebinding(host: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        # From the second time on the name leads where nobody listens.
        target = "127.0.0.1" if asked.count("cdn.example") == 1 or host != "cdn.example" else "127.0.0.9"
        return resolve(target if host == "cdn.example" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    assert fetcher.fetch(f"http://cdn.example:{server.server_address[1]}/cover.jpg") == BODY

    assert asked.count("cdn.example") == 1


@pytest.mark.parametrize("url", ["ftp://example.org/a", "cover.jpg", "http://", "", "http://[::1", "data:x"])
def test_what_is_no_web_address_is_refused(fetcher: CoverFetcher, url: str) -> None:
    with pytest.raises(RowFault):
        fetcher.fetch(url)


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_what_only_this_network_reaches_is_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize(
    "ip", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]
)
def test_what_everybody_reaches_is_public(ip: str) -> None:
    assert is_public(ip)
