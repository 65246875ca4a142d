"""The view of the service shows running ingests with their progress, and what ended ingests left out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from api.keys.key import Role
from common.ingest_reports.report import IngestPhase, IngestReport, IngestState, LeftOut
from common.ingest_reports.store import LOST_AFTER_MS, IngestReportWriter
from common.redis import keyspace
from common.redis.clients import open_redis
from local.running_service.recorded_settings import recorded_tool_settings
from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import OpenPage, another_gateway, new_key
from tests.e2e.page.test_accessibility import AXE, RUN_AXE

pytestmark = pytest.mark.timeout(300)

MARKUP = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
RIGHT_TO_LEFT = "שלום עולם \u202e reversed"
OVERFLOW = "(element) => element.scrollWidth - element.clientWidth"
Put = Callable[..., None]


@pytest.fixture
def put(stack: RunningStack) -> Iterator[Put]:
    """A function that reports an ingest of a folder as an ingest does; the reports are removed at the end."""
    settings = recorded_tool_settings(stack.state)
    assert settings is not None
    given: set[str] = set()
    with open_redis(settings["REDIS_URL"]) as redis:

        def report(name: str, *, age_ms: int = -600_000, **changes: Any) -> None:
            # By default a report is dated ahead, so that it is not lost while a busy machine opens the page.
            fields: dict[str, Any] = {
                "id": name,
                "name": name,
                "source": "music",
                "state": IngestState.RUNNING,
                "phase": IngestPhase.ALBUMS,
                "done": 1200,
                "total": 4000,
                "per_s": 14.0,
                "elapsed_s": 90.0,
            }
            given.add(name)
            IngestReportWriter(redis).put(IngestReport(**(fields | changes)))
            redis.zincrby(keyspace.INGESTS, -age_ms, name)

        yield report
        for name in given:
            redis.zrem(keyspace.INGESTS, name)


def entry(page: Page, name: str) -> Locator:
    return (
        page.get_by_role("region", name="Ingests", exact=True).locator(".ingests > li").filter(has_text=name)
    )


def left_out(*details: str) -> dict[str, Any]:
    lines = tuple(LeftOut(row, f"id-{row}", "missing_cover", detail) for row, detail in enumerate(details, 1))
    return {"left_out": lines, "left_out_by_reason": {"missing_cover": len(details)}}


def test_the_load_of_the_demo_is_shown(open_page: OpenPage, stack: RunningStack) -> None:
    demo = entry(open_page(stack.url, "?view=service"), "demo catalog")

    expect(demo).to_contain_text("demo catalog: done")
    expect(demo).to_contain_text("150 added after ")
    expect(demo.get_by_role("progressbar")).to_have_count(0)


def test_a_running_ingest_shows_its_progress_until_it_ends(
    open_page: OpenPage, stack: RunningStack, put: Put
) -> None:
    put("Music", phase=IngestPhase.TAGS, total=None, per_s=None)
    page = open_page(stack.url, "?view=service")
    music = entry(page, "Music")
    bar = music.get_by_role("progressbar", name="Progress of Music")
    expect(music).to_contain_text("Music: reading tags")
    expect(music).to_contain_text("1,200 files")
    expect(bar).not_to_have_attribute("value")

    put("Music", added=1190, changed=10)
    expect(music).to_contain_text("Music: loading")
    expect(music).to_contain_text("1,200 of 4,000 albums, 14.0 per second, 4 min left")
    expect(music).to_contain_text("1,190 added, 10 changed")
    expect(bar).to_have_js_property("value", 1200)
    expect(bar).to_have_js_property("max", 4000)

    put("Music", state=IngestState.DONE, done=4000, added=3990, changed=10, deleted=2)
    expect(music).to_contain_text("Music: done")
    expect(music).to_contain_text("3,990 added, 10 changed, 2 deleted after 90 s")
    expect(bar).to_have_count(0)


def test_two_ingests_at_once_are_both_shown(open_page: OpenPage, stack: RunningStack, put: Put) -> None:
    put("Jazz")
    put("t.csv", elapsed_s=1.0, source="table")
    page = open_page(stack.url, "?view=service")

    for name in ("Jazz", "t.csv"):
        expect(entry(page, name).get_by_role("progressbar")).to_be_visible()


def test_a_killed_ingest_is_not_shown_as_running(open_page: OpenPage, stack: RunningStack, put: Put) -> None:
    put("Killed", age_ms=LOST_AFTER_MS + 1)
    killed = entry(open_page(stack.url, "?view=service"), "Killed")

    expect(killed).to_contain_text("Killed: stopped reporting")
    expect(killed.get_by_role("progressbar")).to_have_count(0)


def test_a_failed_ingest_says_why(open_page: OpenPage, stack: RunningStack, put: Put) -> None:
    put("Broken", state=IngestState.FAILED, error="THUMBNAIL_DIR: the disk is full")

    broken = entry(open_page(stack.url, "?view=service"), "Broken")

    expect(broken).to_contain_text("Broken: failed")
    expect(broken).to_contain_text("THUMBNAIL_DIR: the disk is full")


def test_what_was_left_out_stays_open_while_the_figures_change(
    open_page: OpenPage, stack: RunningStack, put: Put
) -> None:
    put("Music", **left_out("Nina Simone - Pastel Blues: no cover"))
    music = entry(open_page(stack.url, "?view=service"), "Music")
    music.get_by_text("1 left out").click()
    expect(music.get_by_text("Nina Simone - Pastel Blues: no cover")).to_be_visible()

    put("Music", done=1300, **left_out("Nina Simone - Pastel Blues: no cover", "Can - Tago Mago: no cover"))

    expect(music).to_contain_text("2 left out")
    expect(music).to_contain_text("missing_cover: 2")
    expect(music.get_by_text("Can - Tago Mago: no cover")).to_be_visible()


def test_a_row_of_a_table_is_named_by_its_id(open_page: OpenPage, stack: RunningStack, put: Put) -> None:
    put("t.csv", source="table", **left_out("no file in the folder of covers"))
    table = entry(open_page(stack.url, "?view=service"), "t.csv")

    table.get_by_text("1 left out").click()

    expect(table.get_by_text("id-1: no file in the folder of covers")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hostile_and_long_names_are_only_text_and_stay_inside_the_page(
    open_page: OpenPage, stack: RunningStack, put: Put, width: int, theme: str
) -> None:
    put(MARKUP, **left_out(MARKUP, RIGHT_TO_LEFT, "A" * 2000))
    page = open_page(stack.url, "?view=service", width=width, color_scheme=theme)
    music = entry(page, MARKUP)
    music.get_by_text("3 left out").click()
    expect(music.locator("ul > li").nth(1)).to_have_text(RIGHT_TO_LEFT)

    assert music.locator("img, script, b").count() == 0
    assert page.title() == "The service · Cover search"
    assert page.locator("html").evaluate(OVERFLOW) <= 0
    assert music.evaluate(OVERFLOW) <= 0
    page.evaluate(AXE.read_text())
    assert page.evaluate(RUN_AXE) == []


def test_only_an_admin_key_shows_the_ingests(
    open_page: OpenPage, stack: RunningStack, put: Put, tmp_path: Path
) -> None:
    put("Secret music")
    with another_gateway(stack, tmp_path, AUTH="required") as url:
        other = open_page(url, f"?view=service#key={new_key(stack)}")
        expect(other.locator(".problem[data-code=forbidden]")).to_be_visible()
        admin = open_page(url, f"?view=service#key={new_key(stack, Role.ADMIN)}")
        expect(entry(admin, "Secret music")).to_be_visible()

        assert "Secret music" not in other.content()
