"""The page keeps the key of an address or of a person, and erases it from the address."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import OpenPage, another_gateway, new_key

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"
REFUSE_KEYS = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
REFUSE_STORAGE = """for (const name of ["sessionStorage", "indexedDB"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
}"""


def test_a_key_in_an_address_that_is_opened_in_the_same_tab_is_taken_and_erased(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    with another_gateway(stack, tmp_path, AUTH="required") as url:
        page = open_page(url, "?text=star#key=cvs_of_an_earlier_run")
        expect(page.locator(".problem[data-code=unauthorized]")).to_be_visible()

        page.goto(f"{url}/app/?text=star#key={new_key(stack)}")

        expect(page.locator(CARDS).first).to_be_visible()
        assert page.url == f"{url}/app/?text=star"


def test_invisible_and_foreign_characters_around_a_pasted_key_are_ignored(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    key = new_key(stack)
    with another_gateway(stack, tmp_path, AUTH="required") as url:
        page = open_page(url, "?text=star")
        page.get_by_label("API key").fill(f"\u200b {key[:20]}\u00ad{key[20:]} \ufeff")
        page.get_by_role("button", name="Use this key").click()

        expect(page.locator(CARDS).first).to_be_visible()


@pytest.mark.parametrize("refusal", [REFUSE_STORAGE, REFUSE_KEYS], ids=["blocked", "full"])
def test_a_browser_that_refuses_storage_searches_with_the_key_of_the_address(
    stack: RunningStack, tmp_path: Path, page: Page, cover: Path, refusal: str
) -> None:
    with another_gateway(stack, tmp_path, AUTH="required") as url:
        page.add_init_script(refusal)

        page.goto(f"{url}/app/?text=star#key={new_key(stack)}")
        expect(page.locator(CARDS).first).to_be_visible()

        page.get_by_label("Choose a picture").first.set_input_files(cover)
        page.wait_for_url("**picture=*")
        expect(page.locator(CARDS).first).to_be_visible()
