"""The module tests.pictures.draw draws the source pictures of the HEIF files."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.starts_processes


def test_the_source_pictures_are_drawn_by_the_documented_command(tmp_path: Path) -> None:
    assert "python -m tests.pictures.draw" in (ROOT / "tests" / "pictures" / "README.md").read_text()

    subprocess.run([sys.executable, "-m", "tests.pictures.draw", str(tmp_path)], cwd=ROOT, check=True)

    drawn = {"quadrants", "grey", "grey-sixteen-bits", "muted", "sixteen-bits", "alpha", "premultiplied"}
    assert {path.stem for path in tmp_path.iterdir()} == drawn
