"""Titles with markup, scripts and addresses, and right-to-left titles, are only shown as text."""

from collections.abc import Iterator

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect
from psycopg.types.json import Jsonb

from local.running_service.recorded_settings import recorded_tool_settings
from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import OpenPage
from tests.polling import eventually

pytestmark = pytest.mark.timeout(300)

MARKUP = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
RIGHT_TO_LEFT = "שלום עולם \u202e reversed"
SCRIPT = "javascript:document.title='broken'"
ALBUM = "demo-1967-00007"
ARTIST = "להקת הים!"
TITLE = "שירים שקטים על הים ועל הרוח ועל הדרך הארוכה הביתה!"
GENRES = ["רוק", "פולק"]
#: Returns the left edges of texts in an element, each as the browser draws it.
LEFT_EDGES = """(element, texts) => texts.map((text) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const start = node.data.indexOf(text);
    if (start < 0) continue;
    const range = document.createRange();
    range.setStart(node, start);
    range.setEnd(node, start + text.length);
    return range.getClientRects()[0].left;
  }
  throw new Error(`no ${text}`);
})"""


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


@pytest.fixture
def right_to_left(open_page: OpenPage, fragile: RunningStack) -> Iterator[Page]:
    """Results whose first album has Hebrew names and genres, with its dialog closed."""
    settings = recorded_tool_settings(fragile.state)
    assert settings is not None
    columns = "artist, album_name, genre, genres, release_year, pitchfork_score"
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as database:
        before = database.execute(f"SELECT {columns} FROM album_covers WHERE id = %s", [ALBUM]).fetchone()
        assert before is not None
        change = f"UPDATE album_covers SET ({columns}) = (%s, %s, %s, %s, %s, %s) WHERE id = %s"
        database.execute(change, [ARTIST, TITLE, GENRES[0], GENRES, 1973, 8.2, ALBUM])
        _wait_for_title(fragile, TITLE)
        page = open_page(fragile.url, f"?artist={ARTIST}")
        expect(page.locator(".card")).to_have_count(1)
        yield page
        database.execute(change, [*before, ALBUM])


def edges(page: Page, selector: str, *texts: str) -> list[float]:
    """Return the left edge of the first occurrence of each text in an element, as it is drawn."""
    found: list[float] = page.locator(selector).first.evaluate(LEFT_EDGES, texts)
    return found


@pytest.mark.parametrize("selector", [".card-title", ".card-artist"])
def test_a_right_to_left_name_is_drawn_from_right_to_left(right_to_left: Page, selector: str) -> None:
    name = right_to_left.locator(selector).inner_text()

    end, last, first = edges(right_to_left, selector, "!", name[-3:-1], name[0])

    # The exclamation mark at the end is at the left.
    assert end < last < first


def test_right_to_left_genres_stay_between_the_year_and_the_score(right_to_left: Page) -> None:
    year, last, first, score = edges(right_to_left, ".card-facts", "1973", GENRES[1], GENRES[0], "8.2")

    assert year < last < first < score


def test_a_right_to_left_name_stays_inside_its_chip_and_shows_its_beginning(right_to_left: Page) -> None:
    right_to_left.get_by_role("button", name="Less like ").click()
    chip = ".part:has(.part-remove):last-child"
    expect(right_to_left.locator(chip)).to_contain_text(TITLE)

    parts = [".part-sign", ".cover", ".part-label", ".part-weight", ".part-remove"]
    boxes = [right_to_left.locator(f"{chip} {part}").bounding_box() for part in parts]
    (beginning,) = edges(right_to_left, f"{chip} .part-label", TITLE[0])

    lefts = [box["x"] for box in boxes if box is not None]
    assert lefts == sorted(lefts)
    assert len(lefts) == len(parts)
    label = boxes[2]
    assert label is not None
    # The name is longer than the label, which cuts its end.
    assert right_to_left.locator(f"{chip} .part-label").evaluate(
        "(label) => label.scrollWidth > label.clientWidth"
    )
    assert label["x"] + label["width"] / 2 < beginning < label["x"] + label["width"]


def test_right_to_left_texts_in_the_dialog_stay_beside_their_labels(right_to_left: Page) -> None:
    right_to_left.locator(".card-link").click()
    genres = ".album-facts > div:has(dt:text('Genres'))"
    expect(right_to_left.locator(genres)).to_be_visible()

    label, last, first = edges(right_to_left, genres, "Genres", GENRES[1], GENRES[0])
    end, beginning = edges(right_to_left, ".album-text h2", "!", TITLE[0])

    assert label < last < first
    assert end < beginning


def test_right_to_left_words_leave_the_buttons_of_the_field_in_place(right_to_left: Page) -> None:
    field = right_to_left.get_by_role("searchbox")
    button = right_to_left.get_by_label("Choose a picture").first.locator("xpath=..")
    before = button.bounding_box()

    field.fill("עיגול אדום")

    assert field.evaluate("(field) => getComputedStyle(field).direction") == "rtl"
    assert button.bounding_box() == before


def test_a_cover_that_cannot_be_loaded_gets_a_stand_in(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url)
    page.route("**/thumbnails/**", lambda route: route.abort())

    page.goto(f"{stack.url}/app/?text=star")

    expect(page.locator(".card svg.stand-in").first).to_be_visible()
