"""Every `curl` command of the README works unchanged."""

import json
import re
import shlex
import subprocess

import pytest

from tests.e2e.conftest import RunningStack
from tests.paths import ROOT

COMMANDS = re.findall(r"^curl .*$", (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_curl_command_of_the_readme_returns_json(stack: RunningStack, command: str) -> None:
    here = {"localhost:8000": stack.url.removeprefix("http://"), ".state/": f"{stack.state}/"}
    words = shlex.split(command)
    for written, meant in here.items():
        words = [word.replace(written, meant) for word in words]

    done = subprocess.run(
        [*words, "--silent", "--show-error", "--fail-with-body"],
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
