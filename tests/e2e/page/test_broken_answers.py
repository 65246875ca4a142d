"""A search survives answers that do not come from the service, or that arrive damaged or not at all.

The answers are made by intercepting requests, because a working gateway never sends them.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page.conftest import Observed

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"
SEARCH = "**/api/search-by-text*"
EVENTS = "**/api/jobs/*/events"
QUEUED = {"id": "a1", "status": "queued", "queue_position": 2, "error": None, "result": None}
#: Makes the page's request for events meet a connection that breaks after the response's header.
BREAK_EVENTS = """const original = window.fetch;
window.fetch = (url, options) => String(url).endsWith("/events")
  ? Promise.resolve(new Response(new ReadableStream({
      start: (stream) => void setTimeout(() => stream.error(new TypeError("network error")), 100) })))
  : original(url, options);"""


def problem(page: Page, code: str) -> None:
    expect(page.locator(f".problem[data-code={code}]")).to_be_visible()


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 200, "body": "<title>Log in to this network</title>", "content_type": "text/html"},
        {"status": 200, "body": '{"results":[{"id"'},
        {"status": 200, "body": "null"},
        {"status": 200, "body": "[]"},
        {"status": 200, "body": "{}"},
        {"status": 202, "body": "{}"},
        {"status": 204, "body": ""},
        {"status": 302, "headers": {"Location": "/app/"}},
        {"status": 503, "body": '{"code":5}'},
    ],
    ids=["login page", "cut off", "null", "list", "no results", "no job", "204", "redirect", "odd code"],
)
def test_an_answer_of_something_else_is_explained_and_the_next_search_works(
    page: Page, answer: dict[str, Any]
) -> None:
    page.route(SEARCH, lambda route: route.fulfill(**answer))
    page.get_by_role("searchbox").fill("a star")
    problem(page, "no_gateway")

    page.unroute(SEARCH)
    page.get_by_role("button", name="Try again").click()

    expect(page.locator(CARDS).first).to_be_visible()


@pytest.mark.parametrize("code", ["constructor", "__proto__", "toString", "from_the_future"])
def test_an_unknown_code_has_words(page: Page, code: str) -> None:
    page.route(SEARCH, lambda route: route.fulfill(status=503, json={"code": code, "detail": "x"}))

    page.get_by_role("searchbox").fill("a star")

    problem(page, code)
    expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(
        "Something went wrong in the service"
    )
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.parametrize(
    ("given", "shown"),
    [("90", range(80, 91)), ("2.4", range(1, 4)), ("Wed, 21 Oct 2099 07:28:00 GMT", range(10**9, 10**10))],
)
def test_every_form_of_retry_after_is_counted_down(page: Page, given: str, shown: range) -> None:
    document = {"code": "rate_limited", "detail": "x"}
    page.route(SEARCH, lambda route: route.fulfill(status=429, json=document, headers={"Retry-After": given}))

    page.get_by_role("searchbox").fill("a star")

    assert int(page.locator(".countdown-number").first.inner_text()) in shown


@pytest.mark.parametrize(
    "events", ["event: running\ndata: {garbage\n\n", "data: null\n\n", "data: {}\n\n", None]
)
def test_damaged_events_are_replaced_by_polling(page: Page, events: str | None) -> None:
    follow(page)
    page.route(EVENTS, lambda route: route.abort() if events is None else route.fulfill(body=events))

    with page.expect_request(re.compile(r"/api/jobs/a1\?wait=")):
        page.get_by_role("searchbox").fill("a star")

    expect(page.locator(".waiting")).to_contain_text("One search is ahead")


def test_events_that_break_off_are_replaced_by_polling(page: Page) -> None:
    follow(page)
    page.evaluate(BREAK_EVENTS)

    with page.expect_request(re.compile(r"/api/jobs/a1\?wait=")):
        page.get_by_role("searchbox").fill("a star")

    expect(page.locator(".waiting")).to_contain_text("One search is ahead")


def test_events_that_stop_are_replaced_by_polling(page: Page) -> None:
    page.clock.install()
    held: list[Route] = []
    follow(page)
    page.route(EVENTS, lambda route: held.append(route))  # noqa: PLW0108
    with page.expect_request(EVENTS):
        page.get_by_role("searchbox").fill("a star")
        page.clock.run_for(1000)

    with page.expect_request(re.compile(r"/api/jobs/a1\?wait=")):
        page.clock.run_for(60_000)


def test_polls_that_are_answered_at_once_are_not_repeated_at_once(page: Page) -> None:
    polls = follow(page)
    page.route(EVENTS, lambda route: route.fulfill(body=""))
    page.clock.install(time=0)
    page.get_by_role("searchbox").fill("a star")
    expect(page.locator(".waiting")).to_be_visible()
    page.clock.pause_at(60_000)
    before = len(polls)

    for _ in range(20):
        page.evaluate("fetch('../livez')")

    # The clock of the page stands still, so the next poll waits.
    assert len(polls) <= before + 1


def follow(page: Page) -> list[str]:
    """Answer every search with a job that stays in the queue; return the list of the polled addresses."""
    polls: list[str] = []

    def answer(route: Route) -> None:
        polls.append(route.request.url)
        route.fulfill(json=QUEUED)

    page.wait_for_load_state("networkidle")
    page.route(SEARCH, lambda route: route.fulfill(status=202, json=QUEUED))
    page.route("**/api/jobs/a1?wait=*", answer)
    return polls


def test_a_search_that_is_left_while_its_picture_is_read_is_not_sent(
    page: Page, cover: Path, observed: Observed
) -> None:
    page.get_by_label("Choose a picture").first.set_input_files(cover)
    expect(page.locator(CARDS).first).to_be_visible()
    page.evaluate(
        """() => {
          Blob.prototype.arrayBuffer = () => new Promise((resolve) => {
            window.finishReading = () => resolve(new ArrayBuffer(8));
          });
        }"""
    )
    page.get_by_role("searchbox").fill("star")
    page.wait_for_url("**&text=star")
    page.go_back()
    expect(page.locator(CARDS).first).to_be_visible()

    page.evaluate("window.finishReading()")
    page.evaluate("fetch('../livez')")

    assert "/api/search" not in observed.paths()


def test_a_countdown_ends_in_time_although_its_timers_were_late(page: Page) -> None:
    document = {"code": "rate_limited", "detail": "x"}
    page.clock.install()
    # The page must not use timers of two clocks.
    page.reload()
    page.route(SEARCH, lambda route: route.fulfill(status=429, json=document, headers={"Retry-After": "90"}))
    page.get_by_role("searchbox").fill("a star")
    problem(page, "rate_limited")

    # A hidden tab's timers are called once, after all the time.
    page.clock.fast_forward(85_000)

    expect(page.locator(".countdown-number")).to_have_text(re.compile(r"^\d$"))
