"""The charts of the catalog, the figures of the service, and searches as program code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import OpenPage, another_gateway, new_key

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"


@pytest.fixture
def catalog(open_page: OpenPage, stack: RunningStack) -> Page:
    page = open_page(stack.url, "?view=catalog")
    expect(page.get_by_role("region", name="Genres", exact=True)).to_be_visible()
    return page


def test_the_charts_show_the_counts_of_the_catalog(catalog: Page, stack: RunningStack) -> None:
    facets = httpx.get(f"{stack.url}/api/facets").json()
    genre, color = facets["genres"][0], facets["colors"][0]

    expect(catalog.get_by_role("link", name=f"{genre['genre']} {genre['count']} albums")).to_be_visible()
    expect(catalog.get_by_role("link", name=f"{color['color']} {color['count']} albums")).to_be_visible()
    for decade in facets["decades"]:
        name = f"{decade['decade']}s {decade['count']} albums"
        expect(catalog.get_by_role("link", name=name)).to_be_visible()


def test_each_chart_is_also_a_table(catalog: Page, stack: RunningStack) -> None:
    genre = httpx.get(f"{stack.url}/api/facets").json()["genres"][0]
    chart = catalog.get_by_role("region", name="Genres", exact=True)

    chart.get_by_text("As a table").click()

    row = chart.get_by_role("row", name=re.compile(rf"^{re.escape(genre['genre'])} {genre['count']}$"))
    expect(row).to_be_visible()
    assert catalog.get_by_text("As a table").count() == catalog.locator(".chart").count() == 4


def test_a_bar_leads_to_the_search_that_it_stands_for(catalog: Page, stack: RunningStack) -> None:
    facets = httpx.get(f"{stack.url}/api/facets").json()
    at_least_8 = sum(each["count"] for each in facets["scores"] if (each["score"] or 0) >= 8)

    catalog.get_by_role("link", name=re.compile(r"^8\+ ")).click()

    catalog.wait_for_url("**/app/?min_score=8")
    expect(catalog.get_by_role("heading", level=1)).to_have_text(f"{at_least_8} albums, most similar first")
    expect(catalog.locator(CARDS).first).to_be_visible()
    catalog.go_back()
    expect(catalog.get_by_role("region", name="Scores", exact=True)).to_be_visible()


def test_the_figures_of_the_service_are_live(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?view=service")
    workers = page.get_by_role("region", name="Workers", exact=True)
    expect(workers.get_by_role("row")).to_have_count(3)
    expect(workers).to_contain_text("ready")

    # No other test asks for this document.
    for _ in range(30):
        httpx.get(f"{stack.url}/openapi.json")

    endpoints = page.get_by_role("region", name="Endpoints", exact=True)
    row = endpoints.get_by_role("row").filter(has_text="GET /openapi.json")
    expect(row.get_by_role("cell").first).to_have_text("30")


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
@pytest.mark.parametrize(
    "query",
    [
        "?text=it%27s+a+%22red%22+%24circle%60&genre=Pop%2FR%26B&year_min=1970",
        "?like=ALBUM",
        "?text=star&text=a%24b%5Cc%60d%22e&weights=1+-0.5&best_new_music=true&min_similarity=-0.9",
        "?picture=PICTURE",
        "?picture=PICTURE&text=star&weights=1+0.5",
    ],
    ids=["text", "album", "composed", "picture", "picture and text"],
)
def test_a_search_as_code_finds_the_same_albums(
    page: Page, stack: RunningStack, cover: Path, tmp_path: Path, query: str, language: str
) -> None:
    # A picture is known to this browser only, so it is chosen first.
    page.get_by_label("Choose a picture").first.set_input_files(cover)
    expect(page.locator(CARDS).first).to_be_visible()
    picture = re.search(r"picture=(\w+)", page.url)
    assert picture is not None
    shutil.copy(cover, tmp_path / "cover.jpg")
    address = query.replace("PICTURE", picture[1]).replace("ALBUM", cover.stem)
    page.goto(f"{stack.url}/app/{address}")
    expect(page.locator(CARDS).first).to_be_visible()
    titles = page.locator(".card-title").all_text_contents()[:25]  # one page

    page.get_by_role("link", name="Code").click()
    page.get_by_role("button", name=language, exact=True).click()
    code = page.locator(".code")
    expect(code).to_contain_text(
        {"curl": "curl ", "Python": "import httpx", "JavaScript": "await fetch"}[language]
    )
    output = run(language, code.inner_text(), tmp_path)

    assert titles
    assert all(title in output for title in titles)


def test_code_names_the_key_but_does_not_contain_it(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    key = new_key(stack)
    with another_gateway(stack, tmp_path, AUTH="required") as url:
        page = open_page(url, f"?text=star&code#key={key}")
        code = page.locator(".code")
        for language in ("curl", "Python", "JavaScript"):
            page.get_by_role("button", name=language, exact=True).click()
            expect(code).to_contain_text(
                {"curl": "curl '", "Python": "httpx", "JavaScript": "fetch"}[language]
            )
            text = code.inner_text()
            assert "COVER_SEARCH_KEY" in text
            assert key not in text
            assert "similarity" in run(language, text, tmp_path, COVER_SEARCH_KEY=key) or language != "curl"


def test_code_can_be_copied(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page(stack.url, "?text=star&code", permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator(".code")).to_contain_text("curl")

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(".code").inner_text()


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_code_is_readable_without_scrolling_sideways_on_a_phone(
    open_page: OpenPage, stack: RunningStack, language: str
) -> None:
    query = "?text=it%27s+a+red+circle&text=people&weights=1+-0.5&genre=Pop%2FR%26B&year_min=1970"
    page = open_page(stack.url, f"{query}&code", width=390, height=844)
    page.get_by_role("button", name=language, exact=True).click()
    code = page.locator(".code")
    expect(code).to_contain_text(
        {"curl": "curl ", "Python": "import httpx", "JavaScript": "await fetch"}[language]
    )

    assert code.evaluate("(code) => code.scrollWidth - code.clientWidth") == 0
    # The button covers no line, even after scrolling to the end.
    code.evaluate("(code) => code.scrollTo(0, code.scrollHeight)")
    end = "document.querySelector('.code code').getBoundingClientRect().bottom"
    assert page.evaluate(end) <= page.get_by_role("button", name="Copy").evaluate(
        "(button) => button.getBoundingClientRect().top"
    )


def run(language: str, code: str, folder: Path, **environ: str) -> str:
    """Run a program in a folder, and return what it prints."""
    name = {"curl": "sample.sh", "Python": "sample.py", "JavaScript": "sample.mjs"}[language]
    (folder / name).write_text(code)
    program = {"curl": ["bash"], "Python": [sys.executable], "JavaScript": ["node"]}[language]
    environment = {"PATH": os.environ["PATH"], **environ}
    done = subprocess.run(
        [*program, name], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
