"""The commands in docs/catalog.md run unchanged, and print the output that the document shows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.settings import Settings
from tests.paths import ROOT

DOCUMENT = (ROOT / "docs" / "catalog.md").read_text()


@dataclass(frozen=True, slots=True)
class Step:
    """A block of commands in docs/catalog.md, and the output lines that the document shows."""

    commands: tuple[str, ...]
    shown: tuple[str, ...]


def steps() -> Iterator[Step]:
    blocks = re.findall(r"^```(bash|text)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    for index, (kind, body) in enumerate(blocks):
        if kind == "bash":
            following = blocks[index + 1] if index + 1 < len(blocks) else ("bash", "")
            shown = following[1].splitlines() if following[0] == "text" else ()
            yield Step(tuple(body.splitlines()), tuple(shown))


def run(command: str, environ: dict[str, str], folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_documented_walkthrough_works(environ: dict[str, str], tmp_path: Path) -> None:
    for name in ("docs", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {name: value for name, value in environ.items() if name != "ENCODER"}
    env = {**own, "PATH": paths}
    walked = list(steps())
    assert len(walked) > 5

    for step in walked:
        printed = ""
        for command in step.commands:
            if command.startswith("export "):
                name, _, value = command.removeprefix("export ").partition("=")
                env[name] = value
                continue
            expected = re.search(r"# exit status (\d)$", command)
            status, output = run(command, env, tmp_path)
            assert status == (int(expected[1]) if expected else 0), f"{command}\n{output}"
            printed += output
        lines = [line.strip() for line in printed.splitlines()]
        for line in step.shown:
            assert any(line in printed_line for printed_line in lines), f"{line!r} is not in\n{printed}"


def test_the_document_lists_every_rejection_reason() -> None:
    sources = [*(ROOT / "catalog" / "ingest").rglob("*.py"), *(ROOT / "catalog" / "reembedding").glob("*.py")]
    given = re.compile(
        r'(?:RowFault|PydanticCustomError)\(\s*"(\w+)"'
        r'|"(not_[a-z_]+|too_[a-z]+|several_covers)"'
    )
    reasons = {a or b for source in sources for a, b in given.findall(source.read_text())}

    assert len(reasons) > 10
    assert {reason for reason in reasons if f"`{reason}`" not in DOCUMENT} == set()


def test_every_setting_named_in_the_document_exists() -> None:
    table = DOCUMENT.split("## A walk")[0]

    named = set(re.findall(r"`([A-Z][A-Z_]+)`", table))

    assert named <= {name.upper() for name in Settings.model_fields}
