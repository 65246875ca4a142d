"""Checks that PyPI has a wheel for each package, Python version and machine type that `make run` supports.

A package without a wheel is compiled on the user's machine, which takes minutes or fails.
"""

import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path("requirements/local.txt")
PYTHONS = ("3.11", "3.12", "3.13")
#: The minor versions of glibc 2 in the accepted wheel tags; the highest is the version in Debian 12 (2.36).
_GLIBC = range(5, 37)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine type: its name, the wheel platform tags that it supports, and its environment markers."""

    name: str
    platforms: tuple[str, ...]
    markers: Mapping[str, str]


def linux(name: str, machine: str) -> Machine:
    """Return the description of Linux on one processor architecture."""
    platforms = (*(f"manylinux_2_{minor}_{machine}" for minor in _GLIBC), f"manylinux2014_{machine}")
    return Machine(
        name,
        platforms,
        {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine},
    )


MACHINES = (
    linux("Linux on x86-64", "x86_64"),
    linux("Linux on Arm", "aarch64"),
    Machine(
        "macOS on Apple silicon",
        ("macosx_14_0_arm64",),
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    ),
)
TIMEOUT_S = 300
_MISSING = re.compile(r"No matching distribution found for (\S+)")


def main() -> int:
    """Return 1 if a wheel is missing, or if the package index does not answer."""
    status = 0
    for python in PYTHONS:
        for machine in MACHINES:
            try:
                wanted = sorted(pinned(markers_of(machine, python=python)))
                complaint = ask(wanted, python=python, platforms=machine.platforms)
            except PackageNotFoundError as error:
                complaint = f"NOT ASKED: {error.name} is needed there and not installed here"
            status |= bool(complaint)
            print(
                f"Python {python}, {machine.name}: {complaint or f'{len(wanted)} packages, a wheel for each'}"
            )
    return status


def markers_of(machine: Machine, *, python: str) -> Mapping[str, str]:
    """Return the values of environment markers for a machine type and a minor version of Python."""
    return {**machine.markers, "python_version": python, "python_full_version": f"{python}.99"}


def pinned(markers: Mapping[str, str] | None = None, *, requirements: Path = REQUIREMENTS) -> set[str]:
    """Return all packages that `make run` installs, including dependencies, as `name==version`.

    `markers` contains the target machine's environment markers; the default is this machine's markers.

    Raises:
        PackageNotFoundError: the target machine needs a package that is not installed here.
    """
    found: dict[str, str] = {}
    waiting = [requirement for requirement in named(requirements) if applies(requirement, markers)]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = f"{name}[{','.join(sorted(requirement.extras))}]"
        if key in found:
            continue
        found[key] = f"{name}=={version(name)}"
        needed = map(Requirement, requires(name) or ())
        waiting += [each for each in needed if applies(each, markers, extras=requirement.extras)]
    return set(found.values())


def applies(
    requirement: Requirement, markers: Mapping[str, str] | None, *, extras: Collection[str] = ()
) -> bool:
    """Return whether a requirement applies with these environment markers and extras."""
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**(markers or {}), "extra": extra}) for extra in extras or ("",)
    )


def named(path: Path) -> Iterator[Requirement]:
    """Yield the requirements in a file and in the files that it includes."""
    for line in path.read_text().splitlines():
        if line.startswith("-r "):
            yield from named(path.parent / line.removeprefix("-r "))
        elif line.strip() and not line.startswith("#"):
            yield Requirement(line)


def ask(wanted: list[str], *, python: str, platforms: tuple[str, ...]) -> str:
    """Return a message about the missing wheels or pip's failure, or "" if every package has a wheel."""
    tag = f"cp{python.replace('.', '')}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--quiet",
        "--ignore-installed",
        "--no-deps",
    ]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", "--target=unused"]
    command += [f"--abi={abi}" for abi in (tag, "abi3", "none")]
    command += [f"--platform={platform}" for platform in platforms]
    missing: list[str] = []
    # pip stops at the first package without a wheel, so it is run again without that package.
    while left := [package for package in wanted if package not in missing]:
        done = subprocess.run(  # noqa: S603 - no word of it is anybody's input
            [*command, *left], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if done.returncode == 0:
            break
        found = _MISSING.search(done.stderr)
        if found is None:
            return f"NOT ASKED: {done.stderr.strip().rpartition(chr(10))[2]}"
        missing.append(found[1])
    return f"no wheel of {', '.join(missing)}" if missing else ""


if __name__ == "__main__":
    sys.exit(main())
