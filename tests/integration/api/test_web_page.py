"""The gateway serves the web page at /app/, compressed, cacheable, and under a path prefix."""

import re

import httpx
import pytest

from tests.integration.api.conftest import StartGateway
from tests.paths import ROOT

WEB = ROOT / "api" / "web"
SCRIPT = next(WEB.glob("page-*.js")).name
A_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_a_browser_is_sent_to_the_page_and_a_program_gets_json(client: httpx.Client) -> None:
    browser = client.get("/", headers=A_BROWSER)
    program = client.get("/")

    assert (browser.status_code, browser.headers["location"]) == (307, "/app/")
    assert browser.headers["vary"] == program.headers["vary"] == "Accept"
    assert program.json()["links"]["app"] == "/app/"


def test_the_address_without_a_slash_keeps_its_query(client: httpx.Client) -> None:
    answer = client.get("/app?text=red%20circle")

    assert (answer.status_code, answer.headers["location"]) == (307, "/app/?text=red%20circle")


def test_the_page_has_its_path_prefix(start_gateway: StartGateway) -> None:
    with start_gateway(PUBLIC_URL="https://example.org/music").client() as client:
        root = client.get("/music/", headers=A_BROWSER)
        page = client.get("/music/app/")
        script = client.get(f"/music/app/{SCRIPT}")

    assert root.headers["location"] == "/music/app/"
    assert (page.status_code, script.status_code) == (200, 200)
    assert "https://example.org" in page.headers["content-security-policy"]


def test_all_links_of_the_page_are_relative_and_resolve(client: httpx.Client) -> None:
    page = client.get("/app/")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert len(links) >= 4
    assert not [link for link in links if link.startswith(("/", "http"))]
    assert [client.get(f"/app/{link}").status_code for link in links] == [200] * len(links)


def test_the_page_runs_no_inline_code_and_loads_nothing_from_other_hosts(client: httpx.Client) -> None:
    page = client.get("/app/")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<style|style=|<script>|\son\w+=", page.text)


def test_fingerprinted_files_are_kept_and_the_page_is_revalidated(client: httpx.Client) -> None:
    page = client.get("/app/")
    script = client.get(f"/app/{SCRIPT}")
    current = client.get("/app/", headers={"If-None-Match": page.headers["etag"]})

    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert page.headers["cache-control"] == "no-cache"
    assert (current.status_code, current.content) == (304, b"")
    assert current.headers["etag"].removeprefix("W/") == page.headers["etag"].removeprefix("W/")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("br;q=1, gzip;q=0.5", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("GZIP;Q=0", None),
        ("GZip", "gzip"),
        ("gzip; q=0.000, *", None),
        ("gzip;\tq=0", None),
        ("gzip;q=\t0", None),
        ("br", None),
        ("identity", None),
    ],
)
def test_files_are_compressed_if_the_client_accepts_gzip(
    client: httpx.Client, accepted: str, coding: str | None
) -> None:
    answer = client.get(f"/app/{SCRIPT}", headers={"Accept-Encoding": accepted})

    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.content == (WEB / SCRIPT).read_bytes()
    if coding:
        assert int(answer.headers["content-length"]) < len(answer.content) / 2


def test_a_range_is_a_range_of_the_uncompressed_file(client: httpx.Client) -> None:
    answer = client.get(f"/app/{SCRIPT}", headers={"Range": "bytes=0-99", "Accept-Encoding": "gzip"})

    assert answer.status_code == 206
    assert "content-encoding" not in answer.headers
    assert answer.content == (WEB / SCRIPT).read_bytes()[:100]


def test_head_describes_the_compressed_file(client: httpx.Client) -> None:
    headers = {"Accept-Encoding": "gzip"}

    head = client.head(f"/app/{SCRIPT}", headers=headers)
    get = client.get(f"/app/{SCRIPT}", headers=headers)

    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["etag"] == get.headers["etag"]


@pytest.mark.parametrize("path", ["page.js", ".hidden", "../app.py", "%2e%2e/app.py", "none/"])
def test_other_paths_under_the_page_are_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/app/{path}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
