"""`make run PHONE=1` prints an address that opens the page on a phone, with a key for this run only."""

import re
import signal
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import RunningStack, StartStack
from tests.e2e.page.conftest import OpenPage

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def phone_stack(start_stack: StartStack) -> RunningStack:
    return start_stack(PHONE="1", DEMO_ALBUMS="30")


@pytest.fixture(scope="module")
def address(phone_stack: RunningStack) -> str:
    """The printed address, which contains the key."""
    found = re.search(r"http://[\d.]+:\d+/app/#key=\S+", phone_stack.read_output())
    assert found is not None
    return found[0]


def test_the_address_opens_the_page_with_the_key(
    open_page: OpenPage, address: str, phone_stack: RunningStack
) -> None:
    url, key = address.split("/app/#key=")

    page = open_page(url, f"?text=star#key={key}", width=390, height=844, has_touch=True, is_mobile=True)
    expect(page.locator(".card-link").first).to_be_visible()

    # The page erases the fragment, loads covers from the machine's address, and keeps the key after a reload.
    assert page.url == f"{url}/app/?text=star"
    assert not page.evaluate("isSecureContext")
    expect(page.locator(".card img").first).not_to_have_js_property("naturalWidth", 0)
    page.reload()
    expect(page.locator(".card-link").first).to_be_visible()
    expect(page.get_by_label("Take a photo")).to_have_attribute("capture", "environment")
    cover = min((phone_stack.state / "covers").glob("*.jpg"))
    page.get_by_label("Take a photo").set_input_files(cover)
    expect(page.locator(".card-link").first).to_have_attribute("href", re.compile(rf"album={cover.stem}$"))


def test_others_on_the_network_need_a_key(address: str) -> None:
    url, key = address.split("/app/#key=")

    assert httpx.get(f"{url}/api/genres").status_code == 401
    assert httpx.get(f"{url}/api/genres", headers={"X-API-Key": key}).status_code == 200


def test_the_key_is_in_no_log_and_is_revoked_at_the_end(
    address: str, phone_stack: RunningStack, start_stack: StartStack
) -> None:
    key = address.partition("#key=")[2]

    assert phone_stack.stop() == 0
    logs = [path for path in phone_stack.state.rglob("*.log") if path.is_file()]
    assert logs
    assert not [path for path in logs if key in path.read_text(errors="replace")]

    again = start_stack(state=Path(phone_stack.state), AUTH="required", DEMO_ALBUMS="30")
    assert httpx.get(f"{again.url}/api/genres", headers={"X-API-Key": key}).status_code == 401
    assert again.stop() == 0


def test_the_key_is_revoked_after_a_kill(start_stack: StartStack) -> None:
    killed = start_stack(PHONE="1", DEMO_ALBUMS="30")
    found = re.search(r"#key=(\S+)", killed.read_output())
    assert found is not None
    killed.stop(signal.SIGKILL)

    again = start_stack(state=killed.state, AUTH="required", DEMO_ALBUMS="30")

    assert httpx.get(f"{again.url}/api/genres", headers={"X-API-Key": found[1]}).status_code == 401
    assert again.stop() == 0
