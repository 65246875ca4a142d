"""Both Dockerfiles pass the linter, and each image has its own user and only the code that it needs."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.paths import ROOT
from tests.unit.ops.docker_files import DOCKERFILES, copied, tool

pytestmark = pytest.mark.starts_processes

MODEL_STACK = {"torch", "transformers", "openvino"}
WEB_FRAMEWORK = {"fastapi", "starlette", "uvicorn"}
both = pytest.mark.parametrize("name", DOCKERFILES)


@both
def test_hadolint_reports_nothing(name: str) -> None:
    done = subprocess.run(
        [tool("hadolint"), str(DOCKERFILES[name])], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


@both
def test_an_image_has_an_unprivileged_user_a_health_check_and_a_command(name: str) -> None:
    last_stage = DOCKERFILES[name].read_text().split("\nFROM ")[-1]

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last_stage, re.MULTILINE)
    assert re.search(r'^HEALTHCHECK [^\n]*\\\n\s+CMD \["python"', last_stage, re.MULTILINE)
    # CMD is a list, because a shell would not forward signals.
    assert re.search(r'^CMD \["python", "-m", "\w+"\]$', last_stage, re.MULTILINE)


def test_both_images_use_the_same_python() -> None:
    text = "".join(file.read_text() for file in DOCKERFILES.values())

    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)

    assert len(bases) == 4
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])


@both
def test_the_build_context_has_the_copied_files_and_no_secret(name: str) -> None:
    admitted = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    ]

    for source in copied(DOCKERFILES[name]):
        assert (ROOT / source).exists(), source
        assert any(Path(source).is_relative_to(folder) for folder in admitted), source
    assert not any(Path(folder).name.startswith(".") or folder == "ops" for folder in admitted)


def test_the_gateways_requirements_include_no_model_stack() -> None:
    packages = closure(ROOT / "requirements" / "api.txt")

    assert "fastapi" in packages
    assert packages.isdisjoint(MODEL_STACK)


def test_the_workers_requirements_include_no_web_framework() -> None:
    packages = closure(ROOT / "requirements" / "worker.txt")

    assert "openvino" in packages
    assert packages.isdisjoint(WEB_FRAMEWORK)


def test_the_workers_requirements_include_no_torch() -> None:
    assert closure(ROOT / "requirements" / "catalog.txt").isdisjoint({"torch", "transformers"})


def test_the_full_production_requirements_include_torch() -> None:
    assert {"torch", "transformers"} <= closure(ROOT / "requirements.txt")


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("gateway", "api.app, api.__main__"),
        ("worker", "worker.app, worker.health, catalog.database.migrations"),
    ],
)
def test_each_program_starts_from_the_copied_folders(name: str, modules: str, tmp_path: Path) -> None:
    for source in copied(DOCKERFILES[name]):
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))

    done = subprocess.run(
        [sys.executable, "-c", f"import {modules}"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def closure(requirements: Path) -> set[str]:
    """Return the packages that a requirements file installs, including dependencies."""
    found: set[str] = set()
    waiting = [Requirement(line) for line in pinned(requirements)]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = ["", *requirement.extras]
        if name in found and not requirement.extras:
            continue
        found.add(name)
        waiting += [
            needed
            for needed in map(Requirement, installed_requirements(name))
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return found


def pinned(requirements: Path) -> list[str]:
    lines: list[str] = []
    for line in requirements.read_text().splitlines():
        if line.startswith("-r "):
            lines += pinned(requirements.parent / line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            lines.append(line.split(" #")[0])
    return lines


def installed_requirements(name: str) -> list[str]:
    # A package that is not installed here is not needed on this platform.
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []
