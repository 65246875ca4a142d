"""Every answer has security headers, whose effect is tested in a real browser."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.integration.api.browser import Browser, browser
from tests.integration.api.conftest import StartGateway
from tests.integration.api.stand_ins import MemoryCatalog, make_album
from tests.running_gateway import RunningGateway

__all__ = ["browser"]

HARM = '<img src=x onerror="document.title=1"><script>alert(1)</script>'


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/docs", 200),
        ("GET", "/docs/files/swagger-ui.css", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/api/genres", 200),
        ("GET", "/api/search-by-text", 422),
        ("PUT", "/api/genres", 405),
        ("GET", "/none", 404),
        ("HEAD", "/none", 404),
    ],
)
def test_every_answer_has_security_headers(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy or "script-src 'self';" in policy


def test_an_unexpected_error_has_security_headers(client: httpx.Client, catalog: MemoryCatalog) -> None:
    catalog.album = None  # type: ignore[method-assign, assignment]

    answer = client.get("/api/albums/3")

    assert answer.status_code == 500
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")


def test_other_origins_cannot_read_answers_by_default(client: httpx.Client) -> None:
    asked = client.get("/api/genres", headers={"Origin": "https://a.example"})
    preflight = client.options(
        "/api/genres", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    )

    assert not any(name.startswith("access-control") for name in (*asked.headers, *preflight.headers))
    assert preflight.status_code == 405


def test_allowed_origins_can_read_answers_and_headers(start_gateway: StartGateway) -> None:
    origin = "https://a.example"
    with start_gateway(CORS_ORIGINS=f"{origin}, https://b.example", AUTH="required").client() as client:
        preflight = client.options(
            "/api/search-by-image",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization, prefer",
            },
        )
        refused = client.get("/api/genres", headers={"Origin": origin})
        stranger = client.get("/api/genres", headers={"Origin": "https://c.example"})

    # A preflight request has no API key and must not need a key.
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == origin
    assert "RateLimit-Remaining" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in stranger.headers


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"Origin": "https://c.example"}, "origin"),
        ({"Access-Control-Request-Method": "DELETE"}, "method"),
        ({"Access-Control-Request-Headers": "x-other"}, "headers"),
    ],
)
def test_a_preflight_from_another_origin_is_refused_with_a_problem(
    start_gateway: StartGateway, asked: dict[str, str], reason: str
) -> None:
    allowed = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    with start_gateway(CORS_ORIGINS="https://a.example").client() as client:
        refused = client.options("/api/genres", headers={**allowed, **asked})

    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert refused.json()["detail"] == f"disallowed CORS {reason} (CORS_ORIGINS)"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert refused.headers["vary"].startswith("Origin")
    assert ("access-control-allow-origin" in refused.headers) is (reason != "origin")


@pytest.mark.timeout(180)
def test_the_api_docs_page_works_under_the_content_security_policy(
    gateway: RunningGateway, browser: Browser
) -> None:
    with gateway.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    operation = paths["/api/search-by-image"]["post"]["operationId"]

    # The fragment of the URL opens one operation on the page.
    page, console = browser.load(f"{gateway.url}/docs#/search/{operation}")

    assert 'class="swagger-ui' in page
    assert all(f'data-path="{path}"' in page for path in paths)
    assert "multipart/form-data" in page
    assert [line for line in console if "Content Security Policy" in line or "Refused" in line] == []


@pytest.mark.timeout(180)
def test_album_titles_cannot_inject_scripts(
    gateway: RunningGateway, catalog: MemoryCatalog, browser: Browser
) -> None:
    album = make_album(1)
    script = "javascript:alert(1)"
    catalog.albums["1"] = replace(album, artist=HARM, album_name=script, cover_url=script)

    page, _ = browser.load(f"{gateway.url}/api/albums/1")

    # The page shows the title as text and creates no element from it.
    assert "&lt;img src=x onerror=" in page
    assert "<script>alert" not in page
    assert "<img" not in page


class Sink(BaseHTTPRequestHandler):
    """An HTTP server's handler that counts requests."""

    hits = 0

    def do_GET(self) -> None:
        type(self).hits += 1
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the library's names
    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


@pytest.fixture
def sink() -> Iterator[str]:
    Sink.hits = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/cover.jpg"
        server.shutdown()
        thread.join()


def test_the_service_never_fetches_an_address_from_a_request(
    client: httpx.Client, catalog: MemoryCatalog, sink: str
) -> None:
    album = make_album(1)
    catalog.albums["1"] = replace(album, cover_url=sink)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{sink}"/></svg>'.encode()

    answers = [
        client.get("/api/search-by-text", params={"query": sink}),
        client.get("/api/albums/1"),
        client.get("/api/albums/1/similar"),
        client.get(f"/api/albums/{sink.replace('/', '%2F')}"),
        client.post("/api/search-by-image", files={"file": svg}),
        client.post("/api/search-by-image", params={"url": sink}, files={"file": svg}),
        client.post("/api/search-by-image", data={"file": sink}),
        client.post("/api/search-by-image", data={"url": sink}),
        client.post("/api/search", json={"parts": [{"image": sink}]}),
        client.post("/api/search", json={"parts": [{"url": sink}]}),
        client.get("/health", headers={"Host": sink, "X-Forwarded-Host": sink, "Forwarded": f"for={sink}"}),
    ]

    assert all(answer.status_code < 500 for answer in answers)
    assert httpx.get(sink).status_code == 200
    assert Sink.hits == 1
