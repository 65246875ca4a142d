"""Each error is explained in a person's words, and the page continues once its cause has gone.

Most tests break a part of a running stack. The errors in `INTERCEPTED` are written into an intercepted
answer, because causing them would take minutes or a broken installation.
"""

import re
import secrets
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.keys.key import Role
from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import OpenPage, another_gateway, new_key, suspended
from tests.polling import eventually

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"
#: The errors that are made by interception, with the beginning of the page's title for each.
INTERCEPTED = {
    "attempts_exhausted": "The search failed several times",
    "body_too_large": "The pictures are too large together",
    "catalog_misconfigured": "The catalog is not set up correctly",
    "deadline_exceeded": "The search took too long",
    "decoder_busy": "The service is busy with other pictures",
    "decoder_died": "The picture could not be decoded",
    "headers_too_large": "The search is too long",
    "image_expired": "The upload was not used in time",
    "image_too_costly": "The picture takes too long to decode",
    "internal": "Something went wrong in the service",
    "job_not_found": "The search is no longer known",
    "malformed_body": "The search arrived damaged",
    "model_mismatch": "The catalog belongs to another model",
    "model_unavailable": "The model cannot be loaded",
    "request_timeout": "The upload took too long",
    "unsupported_media_type": "This kind of file cannot be searched",
}


def png(width: int, height: int) -> bytes:
    """Return the beginning of a PNG file with the given width and height, without pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100))]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def choose(page: Page, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "image/png", "buffer": content}
    page.get_by_label("Choose a picture").first.set_input_files(file)  # type: ignore[arg-type]


def problem(page: Page, code: str) -> None:
    expect(page.locator(f".problem[data-code={code}]")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "code", "title"),
    [
        (b"%PDF-1.7 not a picture", "unsupported_image", "This kind of file cannot be searched"),
        (png(64, 64), "undecodable_image", "The picture is damaged"),
        (png(20_000, 20_000), "image_too_many_pixels", "The picture has too many pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_picture_that_cannot_be_searched_is_explained(
    page: Page, content: bytes, code: str, title: str
) -> None:
    choose(page, "cover.png", content)

    problem(page, code)
    expect(page.get_by_role("alert")).to_contain_text(title)
    page.get_by_role("button", name="Remove the picture").click()
    expect(page.get_by_role("heading", name="Find an album by its cover")).to_be_visible()


def test_a_picture_that_is_too_large_is_shrunk_in_the_browser(page: Page, cover: Path) -> None:
    # A JPEG may have other data after its end.
    choose(page, "large.jpg", cover.read_bytes() + b"\0" * (11 * 1024 * 1024))
    problem(page, "image_too_large")

    page.get_by_role("button", name="Shrink the picture and search").click()

    expect(page.locator(CARDS).first).to_have_attribute("href", re.compile(rf"album={cover.stem}$"))


def test_a_picture_that_the_browser_cannot_shrink_is_explained(page: Page) -> None:
    choose(page, "wide.png", png(20_000, 20_000))

    page.get_by_role("button", name="Shrink the picture and search").click()

    expect(page.get_by_role("alert")).to_contain_text("The browser cannot make the picture smaller")


@pytest.mark.parametrize(
    "query",
    [
        "?like=none",
        "?text=star&album=none",
        # Browsers resolve these ids in a path.
        "?like=..",
        "?like=.",
        "?text=star&album=..",
        "?text=star&album=.",
    ],
)
def test_an_unknown_album_is_explained(open_page: OpenPage, stack: RunningStack, query: str) -> None:
    page = open_page(stack.url, query)

    problem(page, "album_not_found")


def test_a_search_that_is_not_allowed_is_explained(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, f"?text=star&artist={'x' * 600}")

    problem(page, "invalid_parameter")


@pytest.mark.parametrize("query", ["?text=star&weights=-1", "?text=star&text=star&weights=1+-1"])
def test_a_search_that_wants_nothing_more_is_explained(
    open_page: OpenPage, stack: RunningStack, query: str
) -> None:
    page = open_page(stack.url, query)
    problem(page, "nothing_wanted")

    page.get_by_role("button", name="Less of star: change to more").click()

    expect(page.locator(CARDS).first).to_be_visible()


def test_a_key_is_asked_for_and_kept_for_the_session_only(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    key = new_key(stack)
    with another_gateway(stack, tmp_path, AUTH="required") as url:
        page = open_page(url)
        problem(page, "unauthorized")
        page.get_by_label("API key").fill("wrong")
        page.get_by_role("button", name="Use this key").click()
        problem(page, "unauthorized")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Use this key").click()
        expect(
            page.get_by_role("list", name="Covers to begin with").get_by_role("link").first
        ).to_be_visible()

        page.get_by_role("searchbox").fill("star")
        expect(page.locator(CARDS).first).to_be_visible()
        page.reload()
        expect(page.locator(CARDS).first).to_be_visible()

        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert key not in page.url
        other = open_page(url, "?text=star")
        problem(other, "unauthorized")


def test_a_key_without_the_right_is_explained(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    with another_gateway(stack, tmp_path, AUTH="required") as url:
        page = open_page(url, f"?view=service#key={new_key(stack)}")
        problem(page, "forbidden")

        page.get_by_label("API key").fill(new_key(stack, Role.ADMIN))
        page.get_by_role("button", name="Use this key").click()

        expect(page.get_by_role("region", name="Workers", exact=True)).to_be_visible()


def test_a_rate_limit_counts_down_and_the_search_continues(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    with another_gateway(stack, tmp_path, ADDRESS_RATE="60/minute") as url:
        page = open_page(url)
        page.wait_for_load_state("networkidle")
        eventually(lambda: httpx.get(f"{url}/api/genres").status_code == 429)

        page.get_by_role("searchbox").fill("a star")

        problem(page, "rate_limited")
        shown = int(page.locator(".countdown-number").inner_text())
        eventually(lambda: int(page.locator(".countdown-number").inner_text()) < shown)
        expect(page.locator(CARDS).first).to_be_visible(timeout=90_000)


def test_a_search_continues_by_itself_when_the_gateway_is_back(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    with another_gateway(stack, tmp_path) as url:
        page = open_page(url)
        page.wait_for_load_state("networkidle")
    page.get_by_role("searchbox").fill("orange tree")
    problem(page, "offline")
    page.get_by_role("checkbox", name="Best new music").check()
    expect(page.locator(".filter-problem")).to_be_visible()

    with another_gateway(stack, tmp_path, port=int(url.rpartition(":")[2])):
        expect(page.locator(CARDS).first).to_be_visible()
        expect(page.locator(".filter-problem")).to_have_count(0)


def test_the_figures_of_the_service_continue_when_the_gateway_is_back(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    with another_gateway(stack, tmp_path) as url:
        page = open_page(url, "?view=service")
        expect(page.locator(".tile").first).to_be_visible()
    problem(page, "offline")

    with another_gateway(stack, tmp_path, port=int(url.rpartition(":")[2])):
        expect(page.locator(".problem")).to_have_count(0)


def test_a_browser_without_network_continues_when_it_is_back(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.context.set_offline(offline=True)
    expect(page.locator(".offline")).to_be_visible()
    page.get_by_role("searchbox").fill("yellow fish")
    problem(page, "offline")

    page.context.set_offline(offline=False)

    expect(page.locator(CARDS).first).to_be_visible()
    expect(page.locator(".offline")).to_have_count(0)


@pytest.fixture
def fragile_page(open_page: OpenPage, fragile: RunningStack) -> Iterator[Page]:
    eventually(lambda: httpx.get(f"{fragile.url}/readyz", timeout=30).status_code == 200)
    page = open_page(fragile.url)
    page.wait_for_load_state("networkidle")
    yield page
    # The next test begins with a stack that works.
    eventually(lambda: httpx.get(f"{fragile.url}/readyz", timeout=30).status_code == 200)


def test_a_service_without_workers_is_explained(fragile_page: Page, fragile: RunningStack) -> None:
    with suspended(fragile, "-m worker"):
        eventually(lambda: httpx.get(f"{fragile.url}/health", timeout=30).json()["workers"] == 0)

        fragile_page.get_by_role("searchbox").fill("a black crown")

        expect(fragile_page.locator(".waiting")).to_contain_text("No worker is running")
        problem(fragile_page, "no_worker")
    fragile_page.get_by_role("button", name="Try again").click()
    expect(fragile_page.locator(CARDS).first).to_be_visible()


def test_a_full_queue_counts_down_and_the_search_continues(fragile_page: Page, fragile: RunningStack) -> None:
    with suspended(fragile, "-m worker"):
        search = f"{fragile.url}/api/search-by-text"
        answers = [
            httpx.get(search, params={"query": f"filler {number}"}, headers={"Prefer": "respond-async"})
            for number in range(70)
        ]
        assert answers[-1].json()["code"] == "queue_full"

        fragile_page.get_by_role("searchbox").fill("a silver bird")

        problem(fragile_page, "queue_full")
        expect(fragile_page.locator(".countdown")).to_be_visible()
    expect(fragile_page.locator(CARDS).first).to_be_visible(timeout=90_000)


@pytest.mark.parametrize(
    ("process", "code"), [("postgres", "catalog_unavailable"), ("redis-server", "queue_unavailable")]
)
def test_a_part_that_does_not_answer_is_explained(
    fragile_page: Page, fragile: RunningStack, process: str, code: str
) -> None:
    text = f"a boat {secrets.token_hex(4)}"  # no answer is in the cache
    with suspended(fragile, process):
        fragile_page.get_by_role("searchbox").fill(text)
        problem(fragile_page, code)

    expect(fragile_page.locator(CARDS).first).to_be_visible(timeout=90_000)


@pytest.mark.parametrize(("code", "title"), INTERCEPTED.items(), ids=INTERCEPTED)
def test_an_intercepted_error_is_explained(page: Page, code: str, title: str) -> None:
    document = {
        "type": "about:blank",
        "title": "x",
        "status": 503,
        "detail": "y",
        "code": code,
        "request_id": "z1",
    }
    page.route("**/api/search-by-text*", lambda route: route.fulfill(status=503, json=document))

    page.get_by_role("searchbox").fill("star")

    problem(page, code)
    expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(title)
    page.get_by_text("Details").click()
    expect(page.locator(".problem-detail")).to_contain_text("z1")


def test_an_answer_of_a_proxy_is_explained(page: Page) -> None:
    page.route("**/api/search-by-text*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))

    page.get_by_role("searchbox").fill("star")

    problem(page, "no_gateway")
    expect(page.locator(".problem h1")).to_have_count(0)
