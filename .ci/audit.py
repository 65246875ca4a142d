"""Looks up every pinned package in PyPI's list of known vulnerabilities, as the last step of `make lint`.

The check fails if a package has a known vulnerability. If PyPI gives no answer for a package, `make audit`
(`--strict`) fails, but `make lint` only prints a note, so that `make lint` also works offline.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PINNED = Path("requirements/constraints.txt")
#: Maps the id of each ignored vulnerability to the reason why it does not affect this product.
EXCEPTIONS: Mapping[str, str] = {}
TIMEOUT_S = 300
#: The maximum number of package names in the output's last line.
NAMED = 8


def main(arguments: Sequence[str]) -> int:
    """Return 1 if a package is vulnerable or, with `--strict`, if a package could not be looked up."""
    packages, complaint = ask()
    lines, status = judge(packages, complaint, strict="--strict" in arguments)
    print("\n".join(lines))
    return status


def ask() -> tuple[list[dict[str, Any]], str]:
    """Return pip-audit's entry for each package; if pip-audit fails, return an empty list and its error."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json"]
    command += ["--requirement", str(PINNED), *(f"--ignore-vuln={found}" for found in EXCEPTIONS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - no word of it is anybody's input
    except subprocess.TimeoutExpired:
        return [], f"no answer within {TIMEOUT_S} s"
    if not done.stdout:
        return [], done.stderr.strip().rpartition("\n")[2]
    packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return packages, ""


def judge(packages: Sequence[dict[str, Any]], complaint: str, *, strict: bool) -> tuple[list[str], int]:
    """Return the lines to print and the exit status."""
    found = [_vulnerability(package, one) for package in packages for one in package.get("vulns", ())]
    unknown = [package["name"] for package in packages if package.get("skip_reason")]
    if not packages:
        summary = f"NOT AUDITED: the list of vulnerabilities does not answer: {complaint}"
    elif unknown:
        names = ", ".join(unknown[:NAMED]) + (", …" if len(unknown) > NAMED else "")
        summary = (
            f"NOT AUDITED: the list answers nothing for {len(unknown)} of {len(packages)} packages: {names}"
        )
    else:
        summary = f"audited {len(packages)} packages, {len(found)} known vulnerabilities"
    incomplete = bool(unknown) or not packages
    return [*found, summary], int(bool(found) or (strict and incomplete))


def _vulnerability(package: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    fixed = ", ".join(found["fix_versions"]) or "no release yet"
    return f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
