"""Titles with markup, scripts and addresses, and right-to-left titles, are only shown as text."""

from collections.abc import Iterator

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect
from psycopg.types.json import Jsonb

from local.running_service_settings import recorded_tool_settings
from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import OpenPage
from tests.polling import eventually

pytestmark = pytest.mark.timeout(300)

MARKUP = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
RIGHT_TO_LEFT = "שלום עולם \u202e reversed"
SCRIPT = "javascript:document.title='broken'"
ALBUM = "demo-1967-00007"


@pytest.fixture
def hostile(fragile: RunningStack) -> Iterator[RunningStack]:
    """A stack with an album whose texts are hostile; the album is restored at the end."""
    settings = recorded_tool_settings(fragile.state)
    assert settings is not None
    columns = "artist, album_name, cover_url, reviewer, metadata"
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as database:
        before = database.execute(f"SELECT {columns} FROM album_covers WHERE id = %s", [ALBUM]).fetchone()
        assert before is not None
        change = f"UPDATE album_covers SET ({columns}) = (%s, %s, %s, %s, %s::jsonb) WHERE id = %s"
        metadata = '{"link": "' + SCRIPT + '", "<b>bold</b>": "<i>x</i>"}'
        database.execute(change, [RIGHT_TO_LEFT, MARKUP, SCRIPT, MARKUP, metadata, ALBUM])
        _wait_for_title(fragile, MARKUP)
        yield fragile
        database.execute(change, [*before[:4], Jsonb(before[4]), ALBUM])


def _wait_for_title(stack: RunningStack, title: str) -> None:
    """Wait until the gateway has seen a change of the album; until then it answers from its cache."""
    eventually(lambda: httpx.get(f"{stack.url}/api/albums/{ALBUM}").json()["album_name"] == title)


def test_hostile_texts_of_an_album_do_nothing(open_page: OpenPage, hostile: RunningStack) -> None:
    page = open_page(hostile.url, f"?text=star&album={ALBUM}")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(MARKUP)

    expect(dialog.locator(".album-artist bdi")).to_have_text(RIGHT_TO_LEFT)
    expect(dialog.get_by_text(SCRIPT)).to_be_visible()
    assert page.title() == "star · Cover search"
    assert page.locator("[href^='javascript:'], [src^='javascript:'], img[src='x']").count() == 0
    assert dialog.locator("dl b, dl i, dl a, h2 img, script").count() == 0


@pytest.mark.parametrize("width", [390, 1440])
def test_long_names_without_spaces_stay_inside_the_page(
    open_page: OpenPage, hostile: RunningStack, width: int
) -> None:
    settings = recorded_tool_settings(hostile.state)
    assert settings is not None
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as database:
        change = "UPDATE album_covers SET (artist, album_name, reviewer) = (%s, %s, %s) WHERE id = %s"
        database.execute(change, ["A" * 2000, "B" * 2000, "C" * 2000, ALBUM])
    _wait_for_title(hostile, "B" * 2000)

    page = open_page(hostile.url, f"?artist={'A' * 500}&album={ALBUM}", width=width)
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_be_visible()

    overflow = "(element) => element.scrollWidth - element.clientWidth"
    assert page.locator("html").evaluate(overflow) <= 0
    assert page.get_by_role("dialog").evaluate(overflow) <= 0


def test_a_right_to_left_name_does_not_reorder_its_neighbours(
    open_page: OpenPage, hostile: RunningStack
) -> None:
    page: Page = open_page(hostile.url, f"?like={ALBUM}")

    chip = page.get_by_role("list", name="Parts of the search").get_by_role("listitem")
    expect(chip.locator(".part-label")).to_have_attribute("dir", "auto")
    expect(chip).to_contain_text("<img src=x")


def test_a_cover_that_cannot_be_loaded_gets_a_stand_in(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url)
    page.route("**/thumbnails/**", lambda route: route.abort())

    page.goto(f"{stack.url}/app/?text=star")

    expect(page.locator(".card svg.stand-in").first).to_be_visible()
