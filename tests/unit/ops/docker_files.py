"""Read the compose file, with its variables filled in, and the Dockerfiles."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.paths import ROOT

DOCKER = ROOT / "ops" / "docker"
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILES = {"gateway": ROOT / "Dockerfile.api", "worker": ROOT / "Dockerfile.worker"}
_VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<operator>:-|:\?|-)(?P<rest>[^}]*)\}")


def tool(name: str) -> str:
    """Return the path of a command that the development requirements install."""
    return str(Path(sys.executable).with_name(name))


def make_env(output: Path, *arguments: str) -> dict[str, str]:
    """Run ops/docker/make_env.py, and return the variables that the script wrote."""
    command = [sys.executable, str(DOCKER / "make_env.py"), "--output", str(output), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return read_env(output)


def read_env(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def required_variables(text: str) -> set[str]:
    """Return the variables that the compose file requires."""
    return {match["name"] for match in _VARIABLE.finditer(text) if match["operator"] == ":?"}


def compose(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of the compose file, with these variables filled in."""
    document = yaml.safe_load(_VARIABLE.sub(lambda match: _value(match, environ), COMPOSE_FILE.read_text()))
    assert isinstance(document, dict)
    return document


def _value(match: re.Match[str], environ: Mapping[str, str]) -> str:
    value = environ.get(match["name"])
    if value or (value is not None and match["operator"] == "-"):
        return value
    assert match["operator"] != ":?", f"{match['name']} is required"
    return match["rest"]


def copied(dockerfile: Path) -> list[str]:
    """Return the paths that a Dockerfile copies from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile.read_text(), re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]
