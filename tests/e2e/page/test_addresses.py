"""The address contains the search; going back returns to the loaded pages of results at the same place."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import Observed, OpenPage
from tests.polling import eventually

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"
#: The position of a result that is on the third page.
FAR = 60
#: Whether no further page is being loaded or so near that it will be loaded.
ALL_LOADED = """() => {
  const more = document.querySelector(".load-more");
  return !more || (more.innerText === "Load more" && more.getBoundingClientRect().top > innerHeight + 900);
}"""


@pytest.fixture(params=[390, 1440], ids=["phone", "desktop"])
def results(open_page: OpenPage, stack: RunningStack, request: pytest.FixtureRequest) -> Page:
    """A search with three loaded pages, scrolled to a result of the third page."""
    page = open_page(stack.url, "?text=star", width=request.param)

    def far_card_is_loaded() -> bool:
        page.mouse.wheel(0, 2000)
        return page.locator(CARDS).count() > FAR

    eventually(far_card_is_loaded, within_s=60)
    page.locator(CARDS).nth(FAR).evaluate("(card) => card.scrollIntoView({ block: 'center' })")
    eventually(lambda: page.evaluate(ALL_LOADED))
    return page


def top_of(page: Page, index: int) -> float:
    """Return how far below the edge of the window a result is, once the result stands still."""
    top: float = page.evaluate(
        """([cards, index]) => new Promise((resolve) => {
          let last = NaN;
          const look = () => {
            const { top } = document.querySelectorAll(cards)[index].getBoundingClientRect();
            if (top === last) return resolve(top);
            last = top;
            requestAnimationFrame(() => requestAnimationFrame(look));
          };
          look();
        })""",
        [CARDS, index],
    )
    return top


def leave_by_the_card(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^More like ")).nth(FAR).click()
    page.wait_for_url("**/app/?like=*")
    expect(page.locator("#results-heading")).to_have_text(re.compile("most similar first"))


def leave_by_the_album(page: Page) -> None:
    page.locator(CARDS).nth(FAR).click()
    page.get_by_role("dialog").locator(".album-artist a").click()
    page.wait_for_url("**/app/?artist=*")
    expect(page.locator(".end")).to_be_visible()


def leave_by_another_view(page: Page) -> None:
    # A click would scroll to the link first.
    page.get_by_role("link", name="Catalog").evaluate("(link) => link.click()")
    expect(page.get_by_role("heading", name="The catalog")).to_be_visible()


@pytest.mark.parametrize("leave", [leave_by_the_card, leave_by_the_album, leave_by_another_view])
def test_going_back_returns_to_the_loaded_pages_at_the_same_place(
    results: Page, observed: Observed, leave: Callable[[Page], None]
) -> None:
    loaded = results.locator(CARDS).count()
    top = top_of(results, FAR)
    leave(results)
    searches = observed.paths().count("/api/search-by-text")

    results.go_back()
    if leave is leave_by_the_album:
        expect(results.get_by_role("dialog")).to_be_visible()
        results.keyboard.press("Escape")
        expect(results.get_by_role("dialog")).to_have_count(0)

    results.wait_for_url("**/app/?text=star")
    expect(results.locator(CARDS)).to_have_count(loaded)
    assert top_of(results, FAR) == pytest.approx(top, abs=2)
    assert observed.paths().count("/api/search-by-text") == searches


def test_going_forward_returns_to_the_place_too(results: Page) -> None:
    leave_by_the_card(results)
    results.locator(CARDS).nth(20).evaluate("(card) => card.scrollIntoView({ block: 'center' })")
    top = top_of(results, 20)
    results.go_back()
    expect(results.locator(CARDS).nth(FAR)).to_be_in_viewport()

    results.go_forward()

    expect(results.locator(CARDS).nth(20)).to_be_in_viewport()
    assert top_of(results, 20) == pytest.approx(top, abs=2)


def test_more_pages_load_after_going_back(results: Page) -> None:
    loaded = results.locator(CARDS).count()
    leave_by_the_card(results)
    results.go_back()
    expect(results.locator(CARDS)).to_have_count(loaded)

    def more_are_loaded() -> bool:
        results.mouse.wheel(0, 5000)
        return results.locator(CARDS).count() > loaded

    eventually(more_are_loaded, within_s=60)

    links = [card.get_attribute("href") for card in results.locator(CARDS).all()]
    assert len({*links}) == len(links)


def test_a_search_that_is_asked_again_is_not_answered_from_what_was_kept(page: Page) -> None:
    field = page.get_by_role("searchbox")
    for text in ("star", "red circle"):
        field.fill(text)
        page.wait_for_url(f"**/app/?text={text.replace(' ', '+')}")
        expect(page.locator(".results:not(.is-stale) .card-link").first).to_be_visible()
        field.blur()

    with page.expect_request("**/api/search-by-text?query=star*"):
        field.fill("star")


def test_back_forward_and_reload_show_the_same_search(page: Page) -> None:
    page.get_by_role("searchbox").fill("red circle")
    expect(page.locator(CARDS).first).to_be_visible()
    first = page.locator(CARDS).first.get_attribute("href") or ""
    page.get_by_role("checkbox", name="Rock").check()
    expect(page.get_by_role("button", name="Remove the filter Rock")).to_be_visible()

    page.go_back()
    expect(page.get_by_role("button", name="Remove the filter Rock")).to_have_count(0)
    expect(page.locator(CARDS).first).to_have_attribute("href", first)
    page.go_forward()
    expect(page.get_by_role("checkbox", name="Rock")).to_be_checked()
    page.reload()

    expect(page.get_by_role("checkbox", name="Rock")).to_be_checked()
    expect(page.get_by_role("searchbox")).to_have_value("red circle")


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ("year_min=1990.5", "a whole number from 1000 to 9999"),
        ("year_max=20", "a whole number from 1000 to 9999"),
        ("min_score=eleven", "a number from 0 to 10"),
        ("min_similarity=7", "a number from -1 to 1"),
        ("best_new_music=maybe", "true or false"),
        ("color=red", "a colour such as #1d5fd6"),
        ("weights=none", "numbers from -10 to 10, but not 0"),
        ("view=settings", "catalog or service"),
    ],
)
def test_a_value_of_the_address_that_is_not_allowed_is_named(
    open_page: OpenPage, stack: RunningStack, given: str, allowed: str
) -> None:
    page = open_page(stack.url, f"?text=star&{given}")
    expect(page.locator(CARDS).first).to_be_visible()
    named = page.get_by_role("status").filter(has_text=given)
    expect(named).to_contain_text(f"is ignored because the value is not {allowed}.")

    page.get_by_role("checkbox", name="Rock").check()

    page.wait_for_url("**/app/?text=star&genre=Rock")
    expect(named).to_have_count(0)


def test_values_of_the_address_that_are_not_allowed_are_named_without_a_search(
    open_page: OpenPage, stack: RunningStack
) -> None:
    page = open_page(stack.url, "?year_min=1990.5&color=red")

    ignored = page.get_by_role("status").filter(has_text="is ignored")
    expect(ignored).to_contain_text("year_min=1990.5")
    expect(ignored).to_contain_text("color=red")
