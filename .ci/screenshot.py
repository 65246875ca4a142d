"""Take the screenshot of the page that the README shows, from a running `make run`."""

import shutil
import sys

from playwright.sync_api import sync_playwright

URL = "http://127.0.0.1:8000"
SEARCH = "?text=red+circle+on+a+dark+cover"
OUTPUT = "docs/images/page.jpg"


def main() -> int:
    """Write the screenshot; return the exit status."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        print("install Chromium first: make chromium", file=sys.stderr)
        return 1
    url = sys.argv[1] if len(sys.argv) > 1 else URL
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/app/{SEARCH}")
        page.locator(".card").first.wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=OUTPUT, type="jpeg", quality=82)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
