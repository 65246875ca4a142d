"""Every view can be read and used with a keyboard and assistive technology, in both themes."""

import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import OpenPage
from tests.paths import ROOT
from tests.polling import eventually

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
#: The address of each view, and an element that is there once the view is complete.
VIEWS = {
    "start": ("", ".wall a"),
    "results": ("?text=red+circle", CARDS),
    "filters": ("?text=star&genre=Rock&year_min=1990&min_score=5", CARDS),
    "composed": ("?text=red+circle&text=people&weights=1+-0.5", CARDS),
    "empty": ("?text=star&year_min=1000&year_max=1001", ".empty-filters"),
    "error": ("?like=none", ".problem"),
    "album": ("?text=star&album=demo-1967-00005", ".album-similar img"),
    "code": ("?text=star&code", ".code"),
    "catalog": ("?view=catalog", ".chart"),
    "service": ("?view=service", ".tile"),
}
RUN_AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
}"""


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_violation(
    open_page: OpenPage, stack: RunningStack, view: str, theme: str, width: int
) -> None:
    if not AXE.is_file():
        pytest.fail("needs axe-core: run `make page-tools`")
    query, complete = VIEWS[view]
    page = open_page(stack.url, query, width=width, color_scheme=theme)
    expect(page.locator(complete).first).to_be_visible()

    page.evaluate(AXE.read_text())

    assert page.evaluate(RUN_AXE) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("query", "width", "opener", "opened"),
    [
        ("?text=red", 1440, "[aria-label^='Why ']", ".why strong"),
        ("?text=red", 390, "[aria-label^='Why ']", ".why strong"),
        ("?text=red", 1440, ".timings summary", ".timings-panel"),
        ("?text=red&genre=Rock", 390, ".filters-toggle", ".filter-groups"),
        ("?like=none", 1440, ".problem-detail summary", ".problem-detail code"),
        ("?view=catalog", 1440, ".chart-table summary", ".chart-table table"),
    ],
    ids=["why", "why on a phone", "timings", "filters on a phone", "details of an error", "table"],
)
def test_axe_finds_no_violation_in_what_is_opened(
    open_page: OpenPage, stack: RunningStack, query: str, width: int, opener: str, opened: str, theme: str
) -> None:
    page = open_page(stack.url, query, width=width, color_scheme=theme)
    page.locator(opener).first.click()
    expect(page.locator(opened).first).to_be_visible()

    page.evaluate(AXE.read_text())

    assert page.evaluate(RUN_AXE) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("code", "status"), [("unauthorized", 401), ("rate_limited", 429), ("image_too_large", 413)]
)
def test_axe_finds_no_violation_in_an_error(page: Page, code: str, status: int, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    document = {"title": "x", "status": status, "detail": "y", "code": code, "request_id": "z1"}
    page.route("**/api/search-by-text*", lambda route: route.fulfill(status=status, json=document))
    page.get_by_role("searchbox").fill("star")
    expect(page.locator(f".problem[data-code={code}]")).to_be_visible()

    page.evaluate(AXE.read_text())

    assert page.evaluate(RUN_AXE) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1440, 2560])
@pytest.mark.parametrize("view", VIEWS)
def test_no_view_is_wider_than_the_window(
    open_page: OpenPage, stack: RunningStack, view: str, width: int
) -> None:
    query, complete = VIEWS[view]
    page = open_page(stack.url, query, width=width)
    expect(page.locator(complete).first).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def results(open_page: OpenPage, stack: RunningStack) -> Page:
    page = open_page(stack.url, "?text=red+circle")
    expect(page.locator(CARDS).first).to_be_visible()
    return page


def focused(page: Page) -> int:
    """Return the index of the result that has the focus, or -1."""
    index: int = page.evaluate(f"[...document.querySelectorAll('{CARDS}')].indexOf(document.activeElement)")
    return index


def test_the_arrow_keys_move_in_the_grid(results: Page) -> None:
    columns = results.evaluate(
        "getComputedStyle(document.querySelector('.grid')).gridTemplateColumns.split(' ').length"
    )
    results.locator(CARDS).first.focus()

    moves = [
        ("ArrowRight", 1),
        ("ArrowDown", 1 + columns),
        ("ArrowLeft", columns),
        ("ArrowUp", 0),
        ("ArrowUp", 0),
    ]
    for key, expected in moves:
        results.keyboard.press(key)
        assert focused(results) == expected


def test_a_slash_moves_to_the_search_field_and_can_be_typed_there(results: Page) -> None:
    results.locator(CARDS).nth(2).focus()

    results.keyboard.press("/")
    expect(results.get_by_role("searchbox")).to_be_focused()
    results.keyboard.type("a/b")

    expect(results.get_by_role("searchbox")).to_have_value("a/b")


def test_a_search_needs_only_the_keyboard(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url)
    page.keyboard.press("/")
    page.keyboard.type("red circle")
    page.keyboard.press("Enter")
    expect(page.locator(CARDS).first).to_be_visible()
    page.locator(CARDS).first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    assert focused(page) == 0


def test_every_focused_element_has_a_visible_mark(results: Page) -> None:
    for _ in range(30):
        results.keyboard.press("Tab")
        marked = results.evaluate(
            """() => {
              for (let at = document.activeElement; at && at !== document.body; at = at.parentElement) {
                const style = getComputedStyle(at);
                if (style.outlineStyle !== "none" || style.boxShadow !== "none") return true;
              }
              return document.activeElement.outerHTML;
            }"""
        )
        assert marked is True


def test_the_focus_stays_when_a_filter_changes_the_results(results: Page) -> None:
    choice = results.get_by_role("checkbox", name=re.compile("Rock"))
    choice.focus()

    results.keyboard.press("Space")
    results.wait_for_url("**genre=Rock*")
    expect(results.get_by_role("button", name="Remove the filter Rock")).to_be_visible()

    expect(choice).to_be_focused()


@pytest.mark.parametrize(
    ("query", "element", "successor"),
    [
        ("?text=red&genre=Rock", "[aria-label='Remove the filter Rock']", "#results-heading"),
        ("?text=red&text=blue", ".part-remove >> nth=1", "#results-heading"),
        ("?like=demo-1967-00003", ".part-remove", ".welcome h1"),
        ("?text=star&year_min=1000&year_max=1001", ".empty-filters button", "#results-heading"),
        ("?text=red&album=demo-1967-00005", ".album .button-main", "#results-heading"),
        ("?text=red&album=demo-1967-00005", ".album-similar a >> nth=0", ".dialog-close"),
        ("?view=catalog", ".bar-link >> nth=0", "#results-heading"),
        ("", ".wall a >> nth=0", "#results-heading"),
    ],
    ids=[
        "filter",
        "part",
        "only part",
        "empty answer",
        "more like the album",
        "similar album",
        "bar",
        "suggestion",
    ],
)
def test_the_focus_is_kept_when_its_element_disappears(
    open_page: OpenPage, stack: RunningStack, query: str, element: str, successor: str
) -> None:
    page = open_page(stack.url, query)
    page.locator(element).focus()

    page.keyboard.press("Enter")

    expect(page.locator(successor)).to_be_focused()
    page.wait_for_load_state("networkidle")
    expect(page.locator(successor)).to_be_focused()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) != "none"


def test_the_focus_goes_from_the_last_load_more_to_the_end(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=red")
    more = page.get_by_role("button", name="Load more")
    more.focus()

    def end_is_focused() -> bool:
        page.keyboard.press("Enter")
        return bool(page.evaluate("document.activeElement.className === 'end'"))

    eventually(end_is_focused, within_s=60)

    expect(more).to_have_count(0)


def test_the_number_of_results_is_announced(results: Page) -> None:
    expect(results.get_by_role("status").filter(has_text="most similar first")).to_have_count(1)


def test_reduced_motion_has_no_transitions(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=star", reduced_motion="reduce")
    expect(page.locator(CARDS).first).to_be_visible()

    duration = "parseFloat(getComputedStyle(each).transitionDuration)"
    assert page.evaluate(f"[...document.querySelectorAll('*')].every((each) => {duration} === 0)")


def test_the_themes_follow_the_system(open_page: OpenPage, stack: RunningStack) -> None:
    colors = [
        open_page(stack.url, color_scheme=theme).evaluate(
            "getComputedStyle(document.documentElement).backgroundColor"
        )
        for theme in ("light", "dark")
    ]

    assert colors == ["rgb(251, 250, 248)", "rgb(19, 20, 21)"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_dialog_darkens_the_whole_window(open_page: OpenPage, stack: RunningStack, theme: str) -> None:
    page = open_page(stack.url, "?text=star&code", color_scheme=theme)
    expect(page.get_by_role("dialog")).to_be_visible()

    window = Image.open(BytesIO(page.screenshot())).convert("RGB")

    # The room of the scrollbar is at the right edge; the left edge is empty too.
    assert window.getpixel((window.width - 3, 300)) == window.getpixel((3, 300))


def test_the_first_view_needs_few_requests(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url)
    expect(page.get_by_role("searchbox")).to_be_visible()

    loaded = page.evaluate(
        """() => performance.getEntriesByType("resource")
          .filter(({ initiatorType }) => ["script", "link", "css"].includes(initiatorType))
          .map(({ name }) => name)"""
    )
    # The script, the style and perhaps the icon; no file loads another file.
    assert len(loaded) <= 3
