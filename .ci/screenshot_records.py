"""Take the pictures of docs/own-records.md: `make run` with the test library of music, seen on a phone."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator, Page, expect, sync_playwright

from local.options import DEMO_MODEL
from local.servers.server import free_port
from tests.music_library.library import write_library
from tests.polling import eventually

IMAGES = Path("docs/images")
#: The number of artists whose albums are loaded before the page opens.
FIRST_ARTISTS = 5
WAIT_MS = 600_000
#: The width and the height of the pictures.
PHONE = {"width": 390, "height": 620}
RESULTS = "?text=red+circle"


def main() -> int:
    """Write the pictures; return the exit status."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        print("install Chromium first: make chromium", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        music, later, port = Path(folder) / "Music", Path(folder) / "later", free_port()
        write_library(later)
        music.mkdir()
        _move(later, music, most=FIRST_ARTISTS)
        settings = {"MUSIC": str(music), "PORT": str(port), "STATE_DIR": f"{folder}/state", "DEMO_ALBUMS": ""}
        # The covers of the library are drawn, so the model of the demo knows them.
        settings["CLIP_MODEL"] = str(DEMO_MODEL)
        service = subprocess.Popen([sys.executable, "-m", "local"], env=os.environ | settings)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=executable,
                    args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
                )
                page = browser.new_page(viewport=PHONE)
                page.set_default_timeout(WAIT_MS)
                expect.set_options(timeout=WAIT_MS)
                _open(page, f"http://127.0.0.1:{port}/app/?view=service", service)
                # The others are loaded while the page is open.
                _move(later, music)
                _take_all(page, f"http://127.0.0.1:{port}/app/")
                browser.close()
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(60)
    return 0


def _move(source: Path, target: Path, *, most: int | None = None) -> None:
    """Move the folders of artists; `most` is the maximum number."""
    for artist in sorted(source.iterdir())[:most]:
        artist.rename(target / artist.name)


def _take_all(page: Page, url: str) -> None:
    ingest = page.locator(".ingests > li")
    expect(ingest).to_contain_text(re.compile(r"albums, .* (s|min) left"))
    section = page.get_by_role("region", name="Ingests", exact=True)
    _take(page, "own-records-progress", at=section)
    expect(ingest).to_contain_text("done")
    ingest.locator("summary").click()
    _take(page, "own-records-left-out", at=section)
    page.goto(f"{url}{RESULTS}")
    page.locator(".card img").first.wait_for()
    page.wait_for_load_state("networkidle")
    _take(page, "own-records-results", at=page.locator("h1"))


def _open(page: Page, url: str, service: subprocess.Popen[bytes]) -> None:
    """Open an address as soon as the service listens."""

    def is_open() -> bool:
        if service.poll() is not None:
            raise SystemExit("`make run` did not start; its output is above")
        try:
            page.goto(url)
        except PlaywrightError:
            return False
        return True

    eventually(is_open, within_s=WAIT_MS / 1000)


def _take(page: Page, name: str, *, at: Locator) -> None:
    at.evaluate("(element) => { element.scrollIntoView(); scrollBy(0, -16); }")
    page.screenshot(path=IMAGES / f"{name}.jpg", type="jpeg", quality=75)


if __name__ == "__main__":
    sys.exit(main())
