"""A wheel installed outside the checkout runs the whole service."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from importlib import metadata
from importlib.metadata import Distribution
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest
from packaging.requirements import Requirement

from local.servers.server import free_port
from tests.e2e.conftest import RunningStack
from tests.paths import ROOT

EMPTY: Mapping[str, str] = MappingProxyType({})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel and the packages that its extra `local` requires."""
    folder = tmp_path_factory.mktemp("elsewhere")
    wheels, environment = folder / "wheels", folder / "environment"
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
    run(sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = environment / "bin" / "python"
    (wheel,) = wheels.glob("cover_search-*.whl")
    run(sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet", "--no-deps", str(wheel))
    packages = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (wheel_metadata,) = Distribution.discover(name="cover-search", path=[str(packages)])
    for name in requirements_of(wheel_metadata, extra="local"):
        link_distribution(name, packages)
    return environment / "bin"


def requirements_of(wheel: Distribution, *, extra: str) -> set[str]:
    """Return the names of all distributions that an extra of the wheel requires, directly or indirectly."""
    found: set[str] = set()
    pending = [(wheel, extra)]
    while pending:
        distribution, wanted = pending.pop()
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.name in found:
                continue
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                found.add(requirement.name)
                extras = requirement.extras or {""}
                pending += [(metadata.distribution(requirement.name), name) for name in extras]
    return found


def link_distribution(name: str, packages: Path) -> None:
    """Link the packages of a distribution of this environment into another environment."""
    here = Path(sysconfig.get_path("purelib"))
    tops = {file.parts[0] for file in metadata.distribution(name).files or ()}
    for top in tops - {"..", "__pycache__"}:
        if not (packages / top).exists():
            (packages / top).symlink_to(here / top)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory whose folders and files have the names of our packages and of Python's modules."""
    folder = tmp_path_factory.mktemp("a project of one's own")
    for name in ("api", "catalog", "common", "local", "models", "worker"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise ImportError('not this one')\n")
    for name in ("json", "random", "socket"):
        (folder / f"{name}.py").write_text("raise ImportError('not this one')\n")
    return folder


@pytest.fixture(scope="module")
def stack(
    installed: Path, elsewhere: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    state, port = tmp_path_factory.mktemp("state"), free_port()
    given = {"PORT": str(port), "STATE_DIR": str(state), "DEMO_ALBUMS": "40", "COLUMNS": "200"}
    output = state / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [str(installed / "cover-search"), "local"],
            cwd=elsewhere,
            env={"PATH": os.environ["PATH"], "HOME": str(state), **given},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stack = RunningStack(process, f"http://127.0.0.1:{port}", state, output)
    stack.wait_until_serving()
    yield stack
    stack.stop()


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_installed_wheel_searches_by_text_and_by_image(stack: RunningStack) -> None:
    by_text = httpx.get(f"{stack.url}/api/search-by-text", params={"query": "red circle", "k": 3}, timeout=60)
    cover = next((stack.state / "covers").glob("*.jpg"))
    by_image = httpx.post(
        f"{stack.url}/api/search-by-image?k=3", files={"file": cover.read_bytes()}, timeout=60
    )

    assert len(by_text.json()["results"]) == 3
    assert by_image.json()["results"][0]["id"] == cover.stem


def test_an_installed_wheel_serves_its_documentation(stack: RunningStack) -> None:
    page = httpx.get(f"{stack.url}/docs")
    files = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)

    assert page.status_code == 200
    assert any(file.endswith(".js") for file in files)
    assert [httpx.get(f"{stack.url}/{file}").status_code for file in files] == [200] * len(files)


def test_an_installed_wheel_serves_the_page(stack: RunningStack) -> None:
    page = httpx.get(f"{stack.url}/app/")
    files = re.findall(r'(?:src|href)="([^"/]+)"', page.text)

    assert page.status_code == 200
    assert {file.rpartition(".")[2] for file in files} == {"css", "js", "svg"}
    assert [httpx.get(f"{stack.url}/app/{file}").status_code for file in files] == [200] * len(files)


def test_an_installed_command_creates_a_key_for_the_running_service(
    stack: RunningStack, installed: Path, elsewhere: Path
) -> None:
    environ = {"STATE_DIR": str(stack.state)}

    created = sub_command(installed, elsewhere, "keys", "create", "bob", environ=environ)
    listed = sub_command(installed, elsewhere, "keys", "list", environ=environ)

    assert created.returncode == 0, created.stderr
    assert "bob" in listed.stdout


def test_an_installed_wheel_has_the_words_of_explanations(stack: RunningStack) -> None:
    answer = httpx.get(
        f"{stack.url}/api/search-by-text", params={"query": "blue star", "explain": "true"}, timeout=60
    )

    explained = [result["explain"] for result in answer.raise_for_status().json()["results"]]
    assert explained
    assert all(explanation["words"] for explanation in explained)


def test_every_process_runs_the_installed_code(stack: RunningStack, installed: Path) -> None:
    children = stack.children()
    modules = {child.cmdline()[-1] for child in children if "-m" in child.cmdline()}
    decoders = [child for child in children if "worker.decode.processes.child" in child.cmdline()]

    assert {"api", "worker"} <= modules
    assert decoders
    assert all(child.cmdline()[0].startswith(str(installed)) for child in decoders)


@pytest.mark.parametrize("command", ["catalog", "keys", "training"])
def test_each_sub_command_exists(command: str, installed: Path, elsewhere: Path) -> None:
    done = sub_command(installed, elsewhere, command, "--help")

    if command == "training":
        # The extra `torch` is not installed.
        assert done.returncode == 1
        assert "pip install 'cover-search[torch]'" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("usage:")


def sub_command(
    installed: Path, folder: Path, *arguments: str, environ: Mapping[str, str] = EMPTY
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(installed / "cover-search"), *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_error_for_an_unknown_sub_command_lists_the_known_ones(installed: Path) -> None:
    done = subprocess.run(
        [str(installed / "cover-search"), "serve"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "{api,worker,catalog,training,keys,local,env,reset}" in done.stderr
