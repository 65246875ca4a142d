"""Load a page in headless Chromium, and return its DOM and console messages."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=8000",
)
LOAD_S = 60.0


class Browser:
    """Chromium with a separate profile."""

    def __init__(self, executable: str, profile: Path) -> None:
        self._command = [executable, *FLAGS, f"--user-data-dir={profile}"]

    def load(self, url: str) -> tuple[str, list[str]]:
        """Return the page's HTML after its scripts have run, and its console messages."""
        done = subprocess.run(
            [*self._command, "--dump-dom", url], capture_output=True, text=True, check=True, timeout=LOAD_S
        )
        console = re.findall(r"CONSOLE[:(\d)\]]+ \"?(.*)$", done.stderr, re.MULTILINE)
        return done.stdout, console


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.fail("a Chromium is needed to see what a page does: install Debian's package chromium")
    return Browser(executable, tmp_path / "profile")
