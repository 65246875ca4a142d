"""The commands in docs/catalog.md run unchanged, and print the output that the document shows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.settings import Settings
from tests.integration.catalog_cli.conftest import rows
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


def as_pattern(shown: Sequence[str]) -> str:
    """Return a pattern of the whole output; `…` alone means any lines, and `…` within a line any text."""
    patterns = ("(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in shown)
    return "".join(patterns)


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
    # `make env` prints THUMBNAIL_DIR, too.
    env = {**own, "PATH": paths, "THUMBNAIL_DIR": "thumbnails"}
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
        if step.shown:
            without_bars = "".join(line for line in printed.splitlines(keepends=True) if "━" not in line)
            assert re.fullmatch(as_pattern(step.shown), without_bars), printed

    # The gateway that the document starts serves the folder in which every cover of the catalog is.
    started = re.search(r"^make run PORT=9000 DEMO_ALBUMS=0 COVERS_DIR=(\S+)$", DOCUMENT, re.MULTILINE)
    assert started is not None
    albums = rows(env["DATABASE_URL"]).values()
    files = [album["cover_url"].removeprefix("/covers/") for album in albums]
    assert len(files) == 22
    assert [file for file in files if not (tmp_path / started[1] / file).is_file()] == []


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
