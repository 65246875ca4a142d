"""The committed page is what its sources build, and keeps its limits on size."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.paths import ROOT

SOURCES = ROOT / "web"
BUILT = ROOT / "api" / "web"
#: The limit of scripts and styles together, compressed, in bytes.
COMPRESSED_MAX = 40_000
MISSING_TOOLS = "needs the tools of the page: run `make page-tools`"


@pytest.fixture
def tools() -> Path:
    """The folder of the packages in `web/package.json`, which npm has installed."""
    folder = SOURCES / "node_modules"
    if not folder.is_dir():
        pytest.fail(MISSING_TOOLS)
    return folder


def node(*arguments: str) -> None:
    done = subprocess.run(["node", *arguments], cwd=SOURCES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.starts_processes
def test_the_committed_page_is_built_from_its_sources(tools: Path, tmp_path: Path) -> None:
    node("build.mjs", str(tmp_path))

    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in BUILT.iterdir()}
    assert built.keys() == committed.keys(), "run `make page` and commit its output"
    assert built == committed, "run `make page` and commit its output"


@pytest.mark.starts_processes
def test_the_types_of_the_sources_are_correct(tools: Path) -> None:
    node(str(tools / "typescript" / "bin" / "tsc"), "--noEmit")


def test_scripts_and_styles_stay_small() -> None:
    files = [*BUILT.glob("*.js"), *BUILT.glob("*.css")]

    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= COMPRESSED_MAX


def test_the_first_view_needs_one_round_trip_besides_the_page() -> None:
    page = (BUILT / "index.html").read_text()
    scripts = re.findall(r'<script type="module" src="([^"]+)"></script>', page)
    styles = re.findall(r'<link rel="stylesheet" href="([^"]+)">', page)

    # The script and the style load no other file; a browser test counts the requests.
    assert {*scripts, *styles} == {path.name for path in BUILT.iterdir() if path.suffix in {".js", ".css"}}
    assert "@import" not in (BUILT / styles[0]).read_text()
    assert "url(" not in (BUILT / styles[0]).read_text()


def test_every_name_has_the_fingerprint_of_its_content() -> None:
    names = {path.name for path in BUILT.iterdir()} - {"index.html", "LICENSES.txt"}

    assert names
    assert all(re.fullmatch(r"[a-z]+-[0-9a-f]{12}\.(js|css|svg)", name) for name in names)


def test_the_libraries_in_the_script_are_pinned_and_their_licences_are_beside_it() -> None:
    package = json.loads((SOURCES / "package.json").read_text())
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    licences = (BUILT / "LICENSES.txt").read_text()

    for name in ("preact", "htm"):
        version = package["devDependencies"][name]
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
        assert lock["packages"][f"node_modules/{name}"]["integrity"]
        assert f"\n{name} {version}\n" in licences
    assert "dependencies" not in package
    assert "resolved" not in (SOURCES / "package-lock.json").read_text()
