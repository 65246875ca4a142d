"""Ask the index for a wheel of every package of `make run` for each Python and machine that is supported.

A package without one is compiled on the user's machine, which takes minutes or fails.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import requires, version
from pathlib import Path
from types import MappingProxyType

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path("requirements/local.txt")
PYTHONS = ("3.11", "3.12", "3.13")
#: The newest glibc and macOS that are asked for: those of Debian 12, and of the oldest supported macOS.
_GLIBC = range(5, 37)
PLATFORMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Linux on x86-64": (*(f"manylinux_2_{minor}_x86_64" for minor in _GLIBC), "manylinux2014_x86_64"),
        "Linux on Arm": (*(f"manylinux_2_{minor}_aarch64" for minor in _GLIBC), "manylinux2014_aarch64"),
        "macOS on Apple silicon": ("macosx_14_0_arm64",),
    }
)
TIMEOUT_S = 300
_MISSING = re.compile(r"No matching distribution found for (\S+)")


def main() -> int:
    """Return 1 if a wheel is missing, or the index does not answer."""
    wanted = sorted(pinned())
    status = 0
    for python in PYTHONS:
        for name, platforms in PLATFORMS.items():
            complaint = ask(wanted, python=python, platforms=platforms)
            status |= bool(complaint)
            print(f"Python {python}, {name}: {complaint or f'{len(wanted)} packages, a wheel for each'}")
    return status


def pinned() -> set[str]:
    """Return every package that `make run` installs, as `name==version`, those that nobody names included."""
    found: dict[str, str] = {}
    waiting = list(named(REQUIREMENTS))
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = f"{name}[{','.join(sorted(requirement.extras))}]"
        if key in found:
            continue
        found[key] = f"{name}=={version(name)}"
        for line in requires(name) or ():
            needed = Requirement(line)
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return set(found.values())


def named(path: Path) -> Iterator[Requirement]:
    """Yield what a file of requirements names, and the files that it includes."""
    for line in path.read_text().splitlines():
        if line.startswith("-r "):
            yield from named(path.parent / line.removeprefix("-r "))
        elif line.strip() and not line.startswith("#"):
            yield Requirement(line)


def ask(wanted: list[str], *, python: str, platforms: tuple[str, ...]) -> str:
    """Return what is missing, or why the index could not be asked; nothing where every wheel is there."""
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
    # pip stops at the first package that has no wheel.
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
