"""A person searches by words, by pictures and by both."""

import base64
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from local.servers.server import free_port
from tests.e2e.conftest import RunningStack, StartStack
from tests.e2e.page.conftest import DROP, Observed, OpenPage

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"
PASTE = """([base64, name, type]) => {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], name, { type }));
  const options = { clipboardData, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new ClipboardEvent("paste", options));
}"""


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query, keep_blank_values=True)


def first_card(page: Page) -> str:
    return page.locator(CARDS).first.get_attribute("href") or ""


def test_typed_words_are_searched_for_once_typing_pauses(page: Page, observed: Observed) -> None:
    page.get_by_role("searchbox").press_sequentially("red circle", delay=20)
    expect(page.locator(CARDS).first).to_be_visible()

    asked = [path for path in observed.paths() if path == "/api/search-by-text"]
    assert query_of(page)["text"] == ["red circle"]
    assert len(asked) == 1
    assert page.get_by_role("searchbox").input_value() == "red circle"


def test_a_late_answer_never_replaces_a_newer_one(page: Page) -> None:
    held: list[Route] = []
    page.route("**/api/search-by-text?query=slow*", lambda route: held.append(route))  # noqa: PLW0108
    page.get_by_role("searchbox").fill("slow")
    page.wait_for_url("**/app/?text=slow")
    page.get_by_role("searchbox").fill("blue star")
    expect(page.locator(CARDS).first).to_be_visible()
    before = first_card(page)

    for route in held:
        route.fulfill(status=200, json={"success": True, "results": [], "exhausted": True, "timings_ms": {}})

    expect(page.get_by_role("heading", name="most similar first")).to_be_visible()
    assert held
    assert first_card(page) == before


def test_one_typed_phrase_is_one_step_of_the_history(page: Page) -> None:
    field = page.get_by_role("searchbox")
    field.fill("red")
    page.wait_for_url("**/app/?text=red")
    field.fill("red circle")
    page.wait_for_url("**/app/?text=red+circle")

    page.go_back()

    expect(page.get_by_role("heading", name="Find an album by its cover")).to_be_visible()
    assert field.input_value() == ""


def test_typed_words_close_nothing_that_a_person_opens_meanwhile(page: Page) -> None:
    field = page.get_by_role("searchbox")
    field.fill("red circle")
    expect(page.locator(CARDS).first).to_be_visible()
    # The clock stands still, so that the pause which ends the typing is not over when something is opened.
    page.clock.install()

    field.fill("blue star")
    page.locator(CARDS).first.click()
    page.clock.run_for(2000)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.clock.run_for(2000)
    page.wait_for_url("**/app/?text=blue+star")

    field.fill("green tree")
    page.get_by_role("link", name="Catalog").click()
    page.clock.run_for(2000)
    expect(page.get_by_role("heading", name="The catalog")).to_be_visible()


def test_a_chosen_picture_finds_its_album_and_survives_a_reload(page: Page, cover: Path) -> None:
    page.get_by_label("Choose a picture").first.set_input_files(cover)

    expect(page.locator(CARDS).first).to_have_attribute("href", re.compile(rf"album={cover.stem}$"))
    expect(page.locator(".similarity-number").first).to_have_text("1.00")
    chip = page.get_by_role("list", name="Parts of the search").get_by_role("listitem")
    expect(chip).to_contain_text(cover.name)
    page.reload()
    expect(page.locator(CARDS).first).to_have_attribute("href", re.compile(rf"album={cover.stem}$"))
    expect(chip.locator("img")).to_be_visible()


@pytest.mark.parametrize("way", [DROP, PASTE], ids=["dropped", "pasted"])
def test_a_picture_can_be_dropped_and_pasted(page: Page, cover: Path, way: str) -> None:
    page.evaluate(way, [base64.b64encode(cover.read_bytes()).decode(), cover.name, "image/jpeg"])

    expect(page.locator(CARDS).first).to_have_attribute("href", re.compile(rf"album={cover.stem}$"))


def test_a_picture_that_is_dropped_on_another_view_starts_a_search(
    open_page: OpenPage, stack: RunningStack, cover: Path
) -> None:
    page = open_page(stack.url, "?view=catalog")
    expect(page.locator(".chart").first).to_be_visible()

    page.evaluate(DROP, [base64.b64encode(cover.read_bytes()).decode(), cover.name, "image/jpeg"])

    expect(page.locator(CARDS).first).to_have_attribute("href", re.compile(rf"album={cover.stem}$"))


def test_an_address_with_a_picture_of_another_browser_says_so(
    open_page: OpenPage, stack: RunningStack, cover: Path
) -> None:
    page = open_page(stack.url)
    page.get_by_label("Choose a picture").first.set_input_files(cover)
    expect(page.locator(CARDS).first).to_be_visible()

    other = open_page(stack.url, f"?{urlsplit(page.url).query}")

    expect(other.get_by_role("alert")).to_contain_text("This browser no longer has the picture")
    other.get_by_role("button", name="Remove the picture").click()
    expect(other.get_by_role("heading", name="Find an album by its cover")).to_be_visible()


def test_words_and_a_picture_make_a_composed_query(page: Page, observed: Observed, cover: Path) -> None:
    page.get_by_role("searchbox").fill("blue star")
    expect(page.locator(CARDS).first).to_be_visible()
    page.get_by_label("Choose a picture").first.set_input_files(cover)
    chips = page.get_by_role("list", name="Parts of the search").get_by_role("listitem")
    expect(chips).to_have_count(2)

    page.get_by_role("button", name=re.compile(r"^More of blue star")).click()
    page.get_by_label(f"Weight of {cover.name}").select_option("2")
    page.wait_for_url("**weights=-1+2*")

    expect(page.get_by_role("button", name=re.compile(r"^Less of blue star"))).to_be_visible()
    with page.expect_response("**/api/search?*") as answer:
        page.reload()
    body: Any = answer.value.request.post_data_json
    assert [(next(iter(part)), part.get("weight", 1)) for part in body["parts"]] == [
        ("text", -1),
        ("image", 2),
    ]
    expect(page.locator(CARDS).first).to_be_visible()


def test_words_can_be_kept_and_others_added(page: Page) -> None:
    page.get_by_role("searchbox").fill("red circle")
    page.get_by_role("button", name="Keep these words").click()
    page.get_by_role("searchbox").fill("people")
    page.keyboard.press("Enter")

    expect(page.get_by_role("list", name="Parts of the search").get_by_role("listitem")).to_have_count(2)
    assert query_of(page)["text"] == ["red circle", "people"]
    page.get_by_role("button", name="Remove people").click()
    expect(page.get_by_role("searchbox")).to_have_value("red circle")


def test_enter_adds_the_words_to_the_other_parts_once(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=red&text=blue")
    page.get_by_role("searchbox").fill("a star")

    page.keyboard.press("Enter")

    page.wait_for_url("**/app/?text=red&text=blue&text=a+star*")
    expect(page.locator(CARDS).first).to_be_visible()
    assert query_of(page)["text"] == ["red", "blue", "a star"]
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_a_search_with_all_its_parts_says_that_no_more_can_be_added(
    open_page: OpenPage, stack: RunningStack
) -> None:
    page = open_page(stack.url, "?" + "&".join(f"text=word+{number}" for number in range(8)))
    full = page.get_by_role("status").filter(has_text="A search has at most 8 parts.")
    expect(full).to_be_visible()

    page.get_by_role("button", name="Remove word 3").click()

    expect(full).to_have_count(0)


def test_a_typed_name_offers_the_album(page: Page, stack: RunningStack) -> None:
    album = httpx.get(f"{stack.url}/api/albums?limit=1").json()["albums"][0]

    page.get_by_role("searchbox").fill(album["album_name"])

    offered = page.get_by_role("region", name="Albums with this name").get_by_role("link").first
    expect(offered).to_contain_text(album["artist"])
    offered.click()
    expect(page.get_by_role("dialog")).to_contain_text(album["album_name"])


def test_suggestions_come_from_the_catalog_and_start_searches(page: Page, stack: RunningStack) -> None:
    genres = {each["genre"] for each in httpx.get(f"{stack.url}/api/facets").json()["genres"]}

    shown = page.locator("[aria-label='Genres to begin with'] a")
    expect(shown.first).to_be_visible()
    assert {*shown.all_text_contents()} <= genres
    page.locator("[aria-label='Words to begin with'] a").first.click()

    expect(page.locator(CARDS).first).to_be_visible()
    page.go_back()
    page.get_by_role("list", name="Covers to begin with").get_by_role("link").first.click()
    expect(page.get_by_role("list", name="Parts of the search")).to_be_visible()
    expect(page.locator(CARDS).first).to_be_visible()


def test_the_page_works_under_a_path_prefix(
    open_page: OpenPage, observed: Observed, start_stack: StartStack
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/music"
    prefixed = start_stack(PORT=str(port), PUBLIC_URL=url, DEMO_ALBUMS="30")

    page = open_page(url, "?text=star")
    page.locator(CARDS).first.click()
    expect(page.get_by_role("dialog").locator(".album-similar img").first).to_be_visible()
    page.wait_for_load_state("networkidle")

    assert page.url.startswith(f"{url}/app/?")
    assert all(path.startswith("/music/") for path in observed.paths())
    assert prefixed.stop() == 0


def test_words_that_were_just_typed_do_not_lead_back_from_another_view(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.clock.install()
    page.get_by_role("searchbox").press_sequentially("star")
    page.get_by_role("link", name="Catalog").click()

    page.clock.run_for(2000)

    assert query_of(page) == {"view": ["catalog"]}


def test_words_that_were_just_typed_do_not_close_a_dialog(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=star")
    expect(page.locator(CARDS).first).to_be_visible()
    page.clock.install()
    page.get_by_role("searchbox").press_sequentially("s")
    page.locator(CARDS).first.click()

    page.clock.run_for(2000)

    expect(page.get_by_role("dialog")).to_be_visible()
