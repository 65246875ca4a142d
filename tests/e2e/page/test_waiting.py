"""A search that takes long shows its job, which can be canceled, and the progress of uploads."""

import re
import secrets
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import Observed, OpenPage, another_gateway, suspended

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"

#: Breaks the connection of each stream of events after its first packet.
BREAK_EVENTS = """
  const send = window.fetch;
  window.fetch = async (address, options) => {
    const answer = await send(address, options);
    if (!String(address).endsWith("/events")) return answer;
    const reader = answer.body.getReader();
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue((await reader.read()).value);
        window.brokenStreams = (window.brokenStreams ?? 0) + 1;
        setTimeout(() => controller.error(new TypeError("network error")), 100);
      },
    });
    return new Response(body, { status: answer.status, headers: answer.headers });
  };
"""


#: Hides or shows a tab, because all tabs of a browser without a window count as shown.
SET_HIDDEN = """(isHidden) => {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
IN_QUEUE = re.compile("Next in the queue|ahead of this one")


@pytest.fixture
def page(open_page: OpenPage, fragile: RunningStack) -> Page:
    page = open_page(fragile.url)
    page.wait_for_load_state("networkidle")
    return page


def test_a_quick_search_shows_no_sign_of_waiting(page: Page) -> None:
    page.evaluate(
        """() => {
          window.waited = 0;
          new MutationObserver(() => (window.waited += document.querySelectorAll(".waiting").length))
            .observe(document.body, { childList: true, subtree: true });
        }"""
    )
    # The answer is in the cache when the page asks for it.
    url = page.url.removesuffix("/app/")
    httpx.get(f"{url}/api/search-by-text", params={"query": "green tree", "k": 25}, timeout=30)

    page.get_by_role("searchbox").fill("green tree")
    expect(page.locator(CARDS).first).to_be_visible()

    assert page.evaluate("window.waited") == 0


def test_a_waiting_search_shows_its_job_and_ends_with_results(
    page: Page, observed: Observed, fragile: RunningStack
) -> None:
    with suspended(fragile, "-m worker"):
        page.get_by_role("searchbox").fill("blue circle")
        expect(page.locator(".waiting")).to_contain_text(re.compile("Next in the queue|ahead of|Looking"))
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()

    expect(page.locator(CARDS).first).to_be_visible()
    expect(page.locator(".waiting")).to_have_count(0)
    assert any(re.fullmatch(r"/api/jobs/\w+/events", path) for path in observed.paths())


def test_a_waiting_search_shows_its_position_in_the_queue(page: Page, fragile: RunningStack) -> None:
    with suspended(fragile, "-m worker"):
        for number in range(2):
            query = {"query": f"an earlier search {secrets.token_hex(4)} {number}"}
            search = f"{fragile.url}/api/search-by-text"
            assert httpx.get(search, params=query, headers={"Prefer": "respond-async"}).status_code == 202

        page.get_by_role("searchbox").fill(f"a white rabbit {secrets.token_hex(4)}")

        expect(page.locator(".waiting")).to_contain_text(re.compile("2 searches are|One search is"))

    expect(page.locator(CARDS).first).to_be_visible()


def test_a_waiting_search_can_be_canceled(page: Page, observed: Observed, fragile: RunningStack) -> None:
    with suspended(fragile, "-m worker"):
        page.get_by_role("searchbox").fill("blue star")
        with page.expect_response("**/api/jobs/*/cancel") as answer:
            page.get_by_role("button", name="Cancel").click()
        assert answer.value.json()["status"] == "canceled"

        expect(page.get_by_role("alert")).to_contain_text("The search was canceled")

    page.get_by_role("button", name="Try again").click()
    expect(page.locator(CARDS).first).to_be_visible()


def test_a_superseded_search_is_canceled(page: Page, fragile: RunningStack) -> None:
    with suspended(fragile, "-m worker"):
        page.get_by_role("searchbox").fill("red heart")
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        with page.expect_response("**/api/jobs/*/cancel") as answer:
            page.get_by_role("searchbox").fill("red heart on white")
        assert answer.value.status == 200

    expect(page.locator(CARDS).first).to_be_visible()


def test_a_closed_stream_of_events_is_replaced_by_polling(page: Page, fragile: RunningStack) -> None:
    page.route("**/api/jobs/*/events", lambda route: route.fulfill(body="", content_type="text/event-stream"))
    with suspended(fragile, "-m worker"), page.expect_request(re.compile(r"/api/jobs/\w+\?wait=")):
        page.get_by_role("searchbox").fill("purple star")

    expect(page.locator(CARDS).first).to_be_visible()


def test_a_broken_stream_of_events_is_replaced_by_polling(open_page: OpenPage, fragile: RunningStack) -> None:
    page = open_page(fragile.url)
    page.wait_for_load_state("networkidle")
    page.evaluate(BREAK_EVENTS)
    with suspended(fragile, "-m worker"), page.expect_request(re.compile(r"/api/jobs/\w+\?wait=")):
        page.get_by_role("searchbox").fill(f"an orange fish {secrets.token_hex(4)}")

    expect(page.locator(CARDS).first).to_be_visible()
    assert page.evaluate("window.brokenStreams") == 1


def test_a_search_that_takes_longer_than_the_default_wait_ends_with_results(
    open_page: OpenPage, observed: Observed, fragile: RunningStack, tmp_path: Path
) -> None:
    with another_gateway(fragile, tmp_path, DEFAULT_WAIT_S="1", JOB_DEADLINE_S="60") as url:
        page = open_page(url)
        page.wait_for_load_state("networkidle")
        with suspended(fragile, "-m worker"):
            page.get_by_role("searchbox").fill(f"a green door {secrets.token_hex(4)}")
            expect(page.locator(".waiting")).to_contain_text(IN_QUEUE)

            # A search that begins later gets its job instead of its result after DEFAULT_WAIT_S.
            query = {"query": f"a later search {secrets.token_hex(4)}"}
            assert httpx.get(f"{url}/api/search-by-text", params=query, timeout=30).status_code == 202
            expect(page.locator(".waiting")).to_contain_text(IN_QUEUE)

        expect(page.locator(CARDS).first).to_be_visible()
        expect(page.locator(".waiting, .problem")).to_have_count(0)

    assert observed.paths().count("/api/search-by-text") == 1


def test_tabs_that_wait_in_the_background_do_not_stall_other_tabs(
    open_page: OpenPage, observed: Observed, fragile: RunningStack, tmp_path: Path
) -> None:
    with another_gateway(fragile, tmp_path, MAX_QUEUE_DEPTH="20", JOB_DEADLINE_S="120") as url:
        # A browser opens at most six connections to a host.
        tabs = [open_page(url)]
        for _ in range(7):
            tabs.append(tabs[0].context.new_page())
            observed.watch(tabs[-1])
            tabs[-1].goto(tabs[0].url)
        with suspended(fragile, "-m worker"):
            for tab in tabs:
                with tab.expect_request("**/api/jobs/*/events"):
                    tab.get_by_role("searchbox").fill(f"a tab {secrets.token_hex(4)}")
                expect(tab.locator(".waiting")).to_contain_text(IN_QUEUE)
                tab.evaluate(SET_HIDDEN, True)

        # Tabs in the background get their results too.
        for tab in tabs:
            expect(tab.locator(CARDS).first).to_be_visible()


def test_a_tab_follows_events_only_while_it_is_shown(page: Page, fragile: RunningStack) -> None:
    with suspended(fragile, "-m worker"):
        with page.expect_request("**/api/jobs/*/events"):
            page.get_by_role("searchbox").fill(f"a yellow moon {secrets.token_hex(4)}")
        expect(page.locator(".waiting")).to_contain_text(IN_QUEUE)

        with page.expect_request(re.compile(r"/api/jobs/\w+\?wait=0$")):
            page.evaluate(SET_HIDDEN, True)
        with page.expect_request("**/api/jobs/*/events"):
            page.evaluate(SET_HIDDEN, False)

    expect(page.locator(CARDS).first).to_be_visible()


def test_an_upload_shows_its_progress(page: Page, fragile: RunningStack) -> None:
    cover = min((fragile.state / "covers").glob("*.jpg"))
    session = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 30_000}
    session.send("Network.emulateNetworkConditions", slow)

    page.get_by_label("Choose a picture").first.set_input_files(cover)

    expect(page.locator(".waiting")).to_contain_text(re.compile(r"Uploading: \d+ %"))
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    expect(page.locator(CARDS).first).to_be_visible()
