"""The grid of results, the dialog of an album, and the explanations."""

import re

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import ALBUMS, RunningStack
from tests.e2e.page.conftest import Observed, OpenPage
from tests.polling import eventually

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"


@pytest.fixture
def results(open_page: OpenPage, stack: RunningStack) -> Page:
    page = open_page(stack.url, "?text=red+circle")
    expect(page.locator(CARDS).first).to_be_visible()
    return page


def test_a_card_shows_what_the_service_answers(results: Page, stack: RunningStack) -> None:
    answer = httpx.get(f"{stack.url}/api/search-by-text", params={"query": "red circle", "k": 25})
    first = answer.json()["results"][0]

    card = results.locator(".card").first
    expect(card).to_contain_text(first["album_name"])
    expect(card).to_contain_text(first["artist"])
    expect(card).to_contain_text(str(first["release_year"]))
    expect(card).to_contain_text(", ".join(first["genres"]))
    expect(card).to_contain_text(f"{first['pitchfork_score']:.1f}")
    expect(card.locator(".similarity-number")).to_have_text(f"{first['similarity']:.2f}")


@pytest.mark.parametrize(
    ("similarity", "shown"), [(-0.004, "0.00"), (-0.126, "\N{MINUS SIGN}0.13"), (1.0, "1.00")]
)
def test_a_similarity_is_shown_with_two_decimals(
    open_page: OpenPage, stack: RunningStack, similarity: float, shown: str
) -> None:
    page = open_page(stack.url)

    def answer(route: Route) -> None:
        document = route.fetch().json()
        document["results"][0]["similarity"] = similarity
        route.fulfill(json=document)

    page.route("**/api/search-by-text*", answer)
    page.goto(f"{stack.url}/app/?text=red+circle")

    expect(page.locator(".similarity-number").first).to_have_text(shown)


def test_best_new_music_is_marked(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=star&best_new_music=true")
    expect(page.locator(CARDS).first).to_be_visible()

    assert page.locator(".card .mark", has_text="Best new music").count() == page.locator(".card").count()


def test_covers_are_thumbnails_of_a_known_size_that_load_late(results: Page) -> None:
    covers = results.locator(".card img")

    assert all(
        covers.nth(index).evaluate(
            "(img) => img.loading === 'lazy' && img.srcset.includes('256w') && img.width === img.height"
        )
        for index in range(covers.count())
    )
    assert re.search(
        r"/thumbnails/.* 256w, .*/thumbnails/.* 512w", covers.first.get_attribute("srcset") or ""
    )


def test_nothing_moves_while_results_load(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=red+circle")
    page.wait_for_load_state("networkidle")

    shift = page.evaluate(
        """() => new Promise((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve(sum), 500);
        })"""
    )
    assert shift < 0.1


def test_scrolling_loads_all_results_to_an_honest_end(results: Page) -> None:
    def end_is_visible() -> bool:
        results.mouse.wheel(0, 5000)
        return results.locator(".end").is_visible()

    eventually(end_is_visible, within_s=60)

    assert results.locator(".card").count() == ALBUMS
    links = [card.get_attribute("href") for card in results.locator(CARDS).all()]
    assert len({*links}) == ALBUMS
    expect(results.locator(".end")).to_have_text(f"These are all {ALBUMS} albums of the catalog.")


def test_a_slow_further_page_is_shown_below_the_results(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url)
    held: list[Route] = []
    page.route("**/api/search-by-text*offset=25*", lambda route: held.append(route))  # noqa: PLW0108
    page.get_by_role("searchbox").fill("red circle")
    expect(page.locator(CARDS).first).to_be_visible()
    expect(page.locator(CARDS)).to_have_count(25)
    top = "document.querySelector('.grid').getBoundingClientRect().top + scrollY"
    before = page.evaluate(top)

    page.locator(".load-more").scroll_into_view_if_needed()

    expect(page.locator(".results .waiting")).to_contain_text("Searching")
    expect(page.locator(".waiting")).to_have_count(1)
    assert page.evaluate(top) == before
    held[0].continue_()
    expect(page.locator(".waiting")).to_have_count(0)
    expect(page.locator(".card").nth(25)).to_be_visible()


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("?text=red", f"All {ALBUMS} albums, most similar first"),
        ("?like=demo-1967-00003", f"All {ALBUMS - 1} other albums, most similar first"),
        (
            "?text=red&like=demo-1967-00003&like=demo-1967-00004",
            f"All {ALBUMS - 2} other albums, most similar first",
        ),
        ("?like=demo-1967-00003&year_min=1970", "Albums, most similar first"),
        ("?text=red&min_similarity=-0.9", "Albums, most similar first"),
    ],
)
def test_the_heading_counts_no_album_that_cannot_be_a_result(
    open_page: OpenPage, stack: RunningStack, query: str, heading: str
) -> None:
    page = open_page(stack.url, query)
    expect(page.locator(CARDS).first).to_be_visible()

    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def test_the_end_names_the_filters(open_page: OpenPage, stack: RunningStack) -> None:
    count = httpx.get(f"{stack.url}/api/facets?best_new_music=true").json()["total_albums"]

    page = open_page(stack.url, "?text=red+circle&best_new_music=true")

    all_albums = f"These are all {count} albums that meet the filters."
    one_album = "This is the only album that meets the filters."
    expect(page.locator(".end")).to_have_text(one_album if count == 1 else all_albums)


def test_more_like_this_searches_by_the_album(results: Page) -> None:
    album = re.search(r"album=([\w-]+)", results.locator(CARDS).first.get_attribute("href") or "")
    assert album is not None

    results.get_by_role("button", name=re.compile("^More like ")).first.click()

    results.wait_for_url(f"**/app/?like={album[1]}")
    expect(results.locator(f"{CARDS}[href*='album={album[1]}']")).to_have_count(0)
    expect(results.locator("#results-heading")).to_be_focused()


@pytest.mark.parametrize("width", [390, 1440])
def test_a_search_from_far_down_is_shown_from_its_beginning(
    open_page: OpenPage, stack: RunningStack, width: int
) -> None:
    page = open_page(stack.url, "?text=red+circle", width=width)
    page.locator(".load-more").scroll_into_view_if_needed()
    page.locator(CARDS).nth(30).click()

    page.get_by_role("dialog").get_by_role("button", name="More like this").click()

    page.wait_for_url("**/app/?like=*")
    expect(page.locator("#results-heading")).to_be_in_viewport()
    expect(page.locator(CARDS).first).to_be_in_viewport()


def test_less_like_this_moves_away_from_the_album(results: Page) -> None:
    results.get_by_role("button", name=re.compile("^Less like ")).first.click()

    results.wait_for_url("**/app/?text=red+circle&like=*&weights=1+-0.5")
    expect(results.get_by_role("list", name="Parts of the search").get_by_role("listitem")).to_have_count(2)


def test_less_like_this_keeps_the_order_of_a_search_by_filters(
    open_page: OpenPage, stack: RunningStack
) -> None:
    page = open_page(stack.url, "?best_new_music=true")

    page.get_by_role("button", name=re.compile("^Less like ")).first.click()

    page.wait_for_url("**/app/?text=album+cover&like=*&weights=1+-0.5&best_new_music=true")
    expect(page.get_by_role("list", name="Parts of the search").get_by_role("listitem")).to_have_count(2)
    expect(page.locator(CARDS).first).to_be_visible()


def test_an_album_has_a_dialog_with_its_own_address(
    results: Page, open_page: OpenPage, stack: RunningStack
) -> None:
    link = results.locator(CARDS).first
    link.click()
    dialog = results.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_be_visible()
    title = dialog.get_by_role("heading", level=2).text_content()
    similar = dialog.get_by_role("region", name="Similar albums").get_by_role("link")
    expect(similar).to_have_count(12)

    other = open_page(stack.url, f"?{results.url.partition('?')[2]}")
    expect(other.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(title or "")

    similar.first.click()
    expect(dialog.get_by_role("heading", level=2)).not_to_have_text(title or "")
    results.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    results.wait_for_url("**/app/?text=red+circle")
    expect(link).to_be_focused()


def test_the_dialog_shows_the_metadata_as_text(results: Page, stack: RunningStack) -> None:
    results.locator(CARDS).first.click()
    dialog = results.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_be_visible()

    names = dialog.locator("dt").all_text_contents()
    assert "Caption" in names
    assert "Look" not in names  # nested metadata
    assert dialog.locator("dd a").count() == 0


def test_the_dialog_shows_the_thumbnail_of_a_missing_cover(results: Page) -> None:
    results.route("**/covers/*", lambda route: route.fulfill(status=404))

    results.locator(CARDS).first.click()

    cover = results.get_by_role("dialog").locator(".album-cover img.cover")
    expect(cover).to_have_attribute("src", re.compile("/thumbnails/"))
    eventually(lambda: cover.evaluate("(img) => img.naturalWidth") > 256)


def test_a_card_shows_the_other_thumbnail_if_one_is_missing(open_page: OpenPage, stack: RunningStack) -> None:
    album = httpx.get(f"{stack.url}/api/search-by-text", params={"query": "red circle"}).json()["results"][0]
    page = open_page(stack.url, device_scale_factor=2)
    page.route(album["thumbnail_urls"]["512"], lambda route: route.fulfill(status=404))

    page.get_by_role("searchbox").fill("red circle")

    cover = page.locator(".card img.cover").first
    expect(cover).to_have_attribute("src", album["thumbnail_urls"]["256"])
    eventually(lambda: cover.evaluate("(img) => img.naturalWidth") == 256)


def test_the_artist_in_the_dialog_leads_to_the_artists_albums(results: Page) -> None:
    results.locator(CARDS).first.click()
    link = results.get_by_role("dialog").locator(".album-artist a")
    artist = link.text_content()

    link.click()

    expect(results.get_by_role("button", name=f"Remove the filter by {artist}")).to_be_visible()
    expect(results.locator(".card-artist").first).to_have_text(artist or "")


def test_why_names_the_words_of_the_cover(results: Page) -> None:
    results.get_by_role("button", name=re.compile(r"^Why ")).first.click()

    expect(results.locator(".why")).to_contain_text("The cover looks like")


def test_why_moves_nothing_in_the_cards_beside_it(results: Page) -> None:
    similarity = results.locator(".card").nth(1).locator(".similarity")
    before = similarity.bounding_box()

    results.get_by_role("button", name=re.compile(r"^Why ")).first.click()
    expect(results.locator(".why")).to_contain_text("The cover looks like")

    assert similarity.bounding_box() == before


def test_the_cards_of_a_row_are_aligned(results: Page) -> None:
    for part in (".card-facts", ".similarity"):
        tops = results.locator(f".card {part}").evaluate_all(
            "(parts) => parts.slice(0, 4).map((part) => part.getBoundingClientRect().top)"
        )
        assert len({*tops}) == 1


def test_why_names_the_share_of_each_part(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=red+circle&text=people&weights=1+-0.5")
    page.get_by_role("button", name=re.compile(r"^Why ")).first.click()

    shares = page.locator(".why-parts li")
    expect(shares).to_have_count(2)
    expect(shares.first).to_contain_text("“red circle”")
    assert page.locator(".why-number").all_text_contents()[0].startswith("+")


def test_timings_and_cache_are_one_click_away(results: Page) -> None:
    results.locator(".timings summary").click()

    panel = results.locator(".timings-panel")
    expect(panel).to_contain_text("In the queue")
    expect(panel).to_contain_text("Comparing the covers")
    assert re.search(r"X-Cache\s*(hit|miss|coalesced)", panel.inner_text())


def test_the_timings_and_the_code_share_a_line_on_a_phone(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=red+circle", width=390)
    expect(page.locator(CARDS).first).to_be_visible()

    timings, code = page.locator(".timings").bounding_box(), page.locator(".code-button").bounding_box()

    assert timings is not None
    assert code is not None
    assert code["y"] < timings["y"] + timings["height"] / 2 < code["y"] + code["height"]


def test_the_timings_close_by_escape_and_by_a_click_beside_them(results: Page) -> None:
    summary, panel = results.locator(".timings summary"), results.locator(".timings-panel")
    summary.click()
    results.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(summary).to_be_focused()

    summary.click()
    expect(panel).to_be_visible()
    results.get_by_role("heading", level=1).click()

    expect(panel).to_be_hidden()


def test_the_page_asks_no_other_host_and_sends_no_referrer(
    results: Page, observed: Observed, stack: RunningStack
) -> None:
    results.wait_for_load_state("networkidle")

    assert observed.hosts() == {httpx.URL(stack.url).netloc.decode()}
    assert not [request.url for request in observed.requests if "referer" in request.all_headers()]


def test_a_dialog_that_is_closed_twice_goes_back_once(page: Page) -> None:
    page.get_by_role("searchbox").fill("star")
    page.locator(CARDS).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()

    page.get_by_role("button", name="Close").evaluate("(button) => { button.click(); button.click(); }")

    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_forward()
    page.go_back()
    assert page.url.endswith("/app/?text=star")
