"""Every `curl` line of the README works as it is written."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, RunningStack

COMMANDS = re.findall(r"^curl .*$", (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_curl_line_of_the_readme_gives_json(stack: RunningStack, tmp_path: Path, command: str) -> None:
    shutil.copy(min((stack.state / "covers").glob("*.jpg")), tmp_path / "cover.jpg")
    here = command.replace("localhost:8000", stack.url.removeprefix("http://"))

    done = subprocess.run(
        [*shlex.split(here), "--silent", "--show-error", "--fail-with-body"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document.get("success", True) is True


def test_the_readme_shows_every_kind_of_request() -> None:
    shown = "\n".join(COMMANDS)

    for path in ("search-by-text", "search-by-image", "similar", "genres", "stats", "health"):
        assert path in shown
