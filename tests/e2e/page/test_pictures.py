"""Chosen pictures stay usable when their files change, storage fails or the clock is wrong."""

import base64
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import RunningStack
from tests.e2e.page.conftest import DROP, OpenPage
from tests.polling import eventually

pytestmark = pytest.mark.timeout(300)

CARDS = ".card-link"
#: Stores as many pictures as the page keeps, with times of a year in the future.
FILL = """() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("cover-search", 1);
  opening.onerror = reject;
  opening.onsuccess = () => {
    const transaction = opening.result.transaction("pictures", "readwrite");
    for (let number = 0; number < 50; number += 1) {
      const addedAt = Date.now() + 365 * 86400_000;
      const picture = { id: `future ${number}`, blob: new Blob(["x"]), name: "x", addedAt };
      transaction.objectStore("pictures").put(picture);
    }
    transaction.oncomplete = () => { opening.result.close(); resolve(null); };
  };
})"""


def choose(page: Page, path: Path) -> None:
    before = page.url
    page.get_by_label("Choose a picture").first.set_input_files(path)
    page.wait_for_url(lambda url: "picture=" in url and url != before)


def test_a_picture_whose_file_vanishes_is_searched_with_again(
    page: Page, cover: Path, tmp_path: Path
) -> None:
    photograph = tmp_path / "photograph.jpg"
    photograph.write_bytes(cover.read_bytes())
    choose(page, photograph)
    expect(page.locator(CARDS).first).to_be_visible()

    photograph.unlink()
    page.get_by_role("searchbox").fill("star")

    page.wait_for_url("**&text=star")
    expect(page.locator(".results:not(.is-stale) .card-link").first).to_be_visible()
    expect(page.locator(".problem")).to_have_count(0)


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_heic_picture_finds_its_album_although_the_browser_cannot_show_it(
    page: Page, cover: Path, tmp_path: Path, way: str
) -> None:
    if shutil.which("heif-enc") is None:
        pytest.fail("Pillow does not write HEIF: run `make heif-enc`, as `make test` does")
    photograph = tmp_path / "IMG_0001.HEIC"
    subprocess.run(["heif-enc", "-q", "90", "-o", photograph, cover], check=True, capture_output=True)

    if way == "chosen":
        choose(page, photograph)
    else:
        # Browsers know no type for files of this name.
        page.evaluate(DROP, [base64.b64encode(photograph.read_bytes()).decode(), photograph.name, ""])

    expect(page.locator(CARDS).first).to_have_attribute("href", re.compile(rf"album={cover.stem}$"))
    chip = page.get_by_role("list", name="Parts of the search").get_by_role("listitem")
    expect(chip).to_contain_text("IMG_0001.HEIC")
    expect(chip.locator(".no-preview")).to_be_visible()
    expect(chip.locator("img")).to_have_count(0)
    page.get_by_role("searchbox").fill("star")
    expect(page.locator(".results:not(.is-stale) .card-link").first).to_be_visible()
    expect(page.locator(".problem")).to_have_count(0)


@pytest.mark.parametrize("options", [{}, {"has_touch": True, "is_mobile": True}], ids=["mouse", "touch"])
def test_the_first_view_advises_to_crop_pictures(
    open_page: OpenPage, stack: RunningStack, options: dict[str, bool]
) -> None:
    page = open_page(stack.url, **options)

    expect(page.locator(".drop-zone span:visible")).to_contain_text(re.compile("[Cc]rop.* to the cover"))


def test_an_empty_file_is_explained(page: Page, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()

    choose(page, empty)

    expect(page.locator(".problem[data-code=picture_empty]")).to_contain_text("The file is empty")
    page.get_by_role("button", name="Remove the picture").click()
    expect(page.get_by_role("heading", name="Find an album by its cover")).to_be_visible()


def test_a_picture_is_kept_although_earlier_pictures_have_later_times(page: Page, cover: Path) -> None:
    choose(page, cover)
    expect(page.locator(CARDS).first).to_be_visible()
    page.evaluate(FILL)

    page.goto(page.url.partition("?")[0])
    choose(page, cover)
    expect(page.locator(CARDS).first).to_be_visible()
    page.reload()

    expect(page.locator(CARDS).first).to_be_visible()
    expect(page.locator(".problem")).to_have_count(0)


def test_a_search_that_is_opened_while_a_picture_is_shrunk_stays(
    page: Page, cover: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(cover.read_bytes() + b"\0" * (11 * 1024 * 1024))
    choose(page, large)
    page.evaluate(
        """() => {
          const decode = window.createImageBitmap;
          window.createImageBitmap = (...given) => new Promise((resolve) => {
            window.finishDecoding = () => resolve(decode(...given));
          });
          const add = IDBObjectStore.prototype.put;
          window.added = 0;
          IDBObjectStore.prototype.put = function (...given) {
            window.added += 1;
            return add.apply(this, given);
          };
        }"""
    )
    page.get_by_role("button", name="Shrink the picture and search").click()
    eventually(lambda: page.evaluate("() => Boolean(window.finishDecoding)"))
    page.go_back()
    expect(page.get_by_role("heading", name="Find an album by its cover")).to_be_visible()

    page.evaluate("() => window.finishDecoding()")
    eventually(lambda: page.evaluate("() => window.added === 1"))
    page.evaluate("fetch('../livez')")

    assert page.url.endswith("/app/")
