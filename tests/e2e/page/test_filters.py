"""Filters narrow a search, and show how many albums meet them."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ALBUMS, RunningStack
from tests.e2e.page.conftest import OpenPage

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"


def test_each_filter_narrows_the_results_and_shows_counts(page: Page, stack: RunningStack) -> None:
    facets = httpx.get(f"{stack.url}/api/facets").json()
    genre = facets["genres"][0]
    page.get_by_role("searchbox").fill("red circle")
    panel = page.get_by_role("region", name="Filters")
    expect(panel.locator(".choice", has_text=genre["genre"]).first).to_contain_text(str(genre["count"]))

    panel.get_by_role("checkbox", name=genre["genre"], exact=False).first.check()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{genre['count']} albums, most similar first")
    panel.get_by_role("textbox", name="From").fill("1990")
    panel.get_by_role("textbox", name="To").fill("2009")
    page.wait_for_url("**year_max=2009*")
    panel.get_by_role("slider", name="Minimum score").fill("5")
    page.wait_for_url("**min_score=5*")
    narrowed = {"genre": genre["genre"], "year_min": 1990, "year_max": 2009, "min_score": 5}
    count = httpx.get(f"{stack.url}/api/facets", params=narrowed).json()["total_albums"]
    expect(panel.locator(".slider-label", has_text="5 or more").locator(".count")).to_have_text(str(count))
    panel.get_by_role("button", name=re.compile("main colour of")).first.click()
    page.wait_for_url("**color=*")
    panel.get_by_role("slider", name="Minimum similarity").fill("0.01")
    page.wait_for_url("**min_similarity=0.01*")
    panel.get_by_role("checkbox", name="Best new music").check()
    page.wait_for_url("**best_new_music=true*")

    expect(
        page.get_by_role("list", name="Active filters").get_by_role("button", name="Remove the filter")
    ).to_have_count(6)
    page.get_by_role("button", name="Remove all", exact=True).click()
    expect(page.get_by_role("list", name="Active filters")).to_have_count(0)


def test_the_counts_of_colours_are_visible(open_page: OpenPage, stack: RunningStack) -> None:
    colors = httpx.get(f"{stack.url}/api/facets?genre=Rock").json()["colors"]
    counts = {each["color"]: each["count"] for each in colors if each["color"] is not None}

    panel = open_page(stack.url, "?text=star&genre=Rock").get_by_role("region", name="Filters")

    for color, count in counts.items():
        button = panel.get_by_role("button", name=re.compile(f"^{color}, main colour of {count} cover"))
        expect(button.get_by_text(str(count), exact=True)).to_be_visible()
    shown = panel.get_by_role("button", name=re.compile("main colour of"))
    assert sum(int(count) for count in shown.locator(".count").all_text_contents()) == sum(counts.values())


def test_a_minimum_similarity_shows_how_many_albums_meet_it(open_page: OpenPage, stack: RunningStack) -> None:
    def pages() -> Iterator[list[dict[str, Any]]]:
        for offset in range(0, ALBUMS, 25):
            query: dict[str, str | int] = {"query": "star", "k": 25, "offset": offset}
            answer = httpx.get(f"{stack.url}/api/search-by-text", params=query, timeout=30)
            yield answer.json()["results"]

    similarities = [result["similarity"] for results in pages() for result in results]
    over_20, over_5 = (sum(each >= least for each in similarities) for least in (0.2, 0.05))
    assert over_20 < 25 < over_5
    page = open_page(stack.url, "?text=star", height=600)
    slider = page.get_by_role("slider", name="Minimum similarity")
    shown = page.locator(".filter", has=slider).locator(".count")
    expect(page.locator(CARDS)).to_have_count(25)
    expect(shown).to_have_count(0)

    slider.fill("0.2")
    expect(shown).to_have_text(str(over_20))
    page.wait_for_url("**min_similarity=0.2")
    slider.fill("0.05")
    page.wait_for_url("**min_similarity=0.05")
    # The next page of the results is not loaded yet.
    expect(shown).to_have_text("at least 25")
    page.locator(".load-more").scroll_into_view_if_needed()

    expect(page.locator(CARDS)).to_have_count(over_5)
    expect(shown).to_have_text(str(over_5))


def test_results_meet_the_filters(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=star&year_min=1990&year_max=1999")
    expect(page.locator(CARDS).first).to_be_visible()

    years = {text[:4] for text in page.locator(".card-facts").all_text_contents()}
    assert years
    assert all(1990 <= int(year.strip()) <= 1999 for year in years)


def test_an_empty_answer_tells_which_filter_to_drop(open_page: OpenPage, stack: RunningStack) -> None:
    total = httpx.get(f"{stack.url}/api/facets").json()["total_albums"]
    page = open_page(stack.url, "?text=star&year_min=1000&year_max=1001")

    expect(page.get_by_role("heading", name="No album meets all of this")).to_be_visible()
    page.get_by_role("button", name=f"Without 1000 to 1001 {total} albums").click()

    expect(page.locator(CARDS).first).to_be_visible()


def test_filters_that_cannot_be_counted_say_so(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.route("**/api/facets?*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    page.goto(page.url + "?text=star&genre=Rock")
    panel = page.get_by_role("region", name="Filters")
    expect(panel.get_by_role("alert")).to_contain_text("could not be counted")
    expect(page.locator(CARDS).first).to_be_visible()

    page.unroute("**/api/facets?*")
    panel.get_by_role("button", name="Count again").click()

    expect(panel.get_by_role("checkbox", name="Rock")).to_be_checked()
    expect(panel.get_by_role("alert")).to_have_count(0)


def test_an_unknown_genre_in_the_address_is_named(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=star&genre=Polka")

    expect(page.locator(".problem > p")).to_contain_text(
        ["Change or remove", "the catalog has no genre Polka"]
    )
    expect(page.locator(".filter-problem")).to_have_count(0)
    page.get_by_role("button", name="Remove the filter Polka").click()
    expect(page.locator(CARDS).first).to_be_visible()


def test_a_year_that_is_no_number_is_explained_at_its_field(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=star")
    panel = page.get_by_role("region", name="Filters")
    first = panel.get_by_role("textbox", name="From", exact=True)

    first.fill("abcd")
    expect(panel.get_by_role("alert")).to_have_text("“abcd” is not a year from 1000 to 9999.")
    expect(first).to_have_attribute("aria-invalid", "true")
    first.fill("199")
    expect(panel.get_by_role("alert")).to_have_count(0)
    first.blur()
    expect(panel.get_by_role("alert")).to_contain_text("199")
    first.fill("1990")

    expect(panel.get_by_role("alert")).to_have_count(0)
    page.wait_for_url("**year_min=1990")


def test_years_in_the_wrong_order_are_explained(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=star&year_min=1990")
    last = page.get_by_role("textbox", name="To", exact=True)
    last.fill("1980")
    expect(page.locator(".problem[data-code=years_reversed]")).to_be_visible()

    last.fill("1999")

    expect(page.locator(CARDS).first).to_be_visible()


def test_years_in_the_wrong_order_in_the_address_keep_the_filters(
    open_page: OpenPage, stack: RunningStack
) -> None:
    page = open_page(stack.url, "?text=star&year_min=1999&year_max=1980")
    expect(page.locator(".problem[data-code=years_reversed]")).to_be_visible()
    panel = page.get_by_role("region", name="Filters")
    expect(panel.get_by_role("alert")).to_have_count(0)
    genre = panel.locator(".choice", has=page.get_by_role("checkbox", name="Rock"))
    expect(genre.locator(".count")).to_have_text("0")

    counts = httpx.get(f"{stack.url}/api/facets").json()["decades"]
    decade = next(each for each in counts if each["decade"] == 1990)
    panel.get_by_role("button", name=f"1990 to 1999, {decade['count']} albums").click()

    expect(page.locator(CARDS).first).to_be_visible()
    expect(genre.locator(".count")).not_to_have_text("0")
