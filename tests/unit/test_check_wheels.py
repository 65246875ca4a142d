"""`make audit` checks, on any machine, the packages of every supported kind of machine."""

import runpy
from pathlib import Path

import pytest

from tests.paths import ROOT

WHEELS = runpy.run_path(str(ROOT / ".ci" / "check_wheels.py"))


def wanted(requirements: Path, *, python: str, machine: str) -> set[str]:
    """Return the packages that a requirements file needs on one kind of machine."""
    (kind,) = [kind for kind in WHEELS["MACHINES"] if kind.name == machine]
    packages = WHEELS["pinned"](WHEELS["markers_of"](kind, python=python), requirements=requirements)
    return {package.partition("==")[0] for package in packages}


@pytest.mark.parametrize(
    ("python", "machine", "expected"),
    [
        ("3.11", "Linux on x86-64", {"packaging"}),
        ("3.11", "Linux on Arm", {"packaging", "idna"}),
        ("3.13", "macOS on Apple silicon", {"packaging", "certifi", "h11"}),
    ],
)
def test_environment_markers_are_evaluated_for_the_target_machine(
    tmp_path: Path, python: str, machine: str, expected: set[str]
) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(
        "packaging\n"
        'idna; platform_machine == "aarch64"\n'
        'certifi; sys_platform == "darwin"\n'
        'h11; python_version >= "3.13"\n'
    )

    assert wanted(path, python=python, machine=machine) == expected


def test_every_supported_machine_is_audited() -> None:
    assert WHEELS["PYTHONS"] == ("3.11", "3.12", "3.13")
    assert [kind.name for kind in WHEELS["MACHINES"]] == [
        "Linux on x86-64",
        "Linux on Arm",
        "macOS on Apple silicon",
    ]
