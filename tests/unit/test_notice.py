"""NOTICE names every package that `make run` installs, and every library bundled in a package.

No package is licensed under the GPL.
"""

import re
import runpy
from importlib.metadata import files, metadata

import pytest

from tests.paths import ROOT

WHEELS = runpy.run_path(str(ROOT / ".ci" / "check_wheels.py"))
PACKAGES = sorted(package.partition("==")[0] for package in WHEELS["pinned"]())
NOTICE = (ROOT / "NOTICE").read_text()


def bundled_libraries(package: str) -> set[str]:
    """Return the names of the libraries in a package's `.libs` folder, for example libpq."""
    in_libs = [file.name for file in files(package) or () if file.parts[0].endswith(".libs")]
    return {re.split(r"[-.]", name)[0] for name in in_libs}


@pytest.mark.parametrize("package", PACKAGES)
def test_notice_names_every_package(package: str) -> None:
    assert re.search(rf"(?<![\w-]){package}(?![\w-])", NOTICE)


@pytest.mark.parametrize("package", PACKAGES)
def test_notice_names_every_bundled_library(package: str) -> None:
    section = re.search(rf"^{package}\n((?: .*\n)+)", NOTICE, re.MULTILINE)
    named = set(re.findall(r"\blib\w+", section[1])) if section else set()

    assert bundled_libraries(package) <= named


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_is_under_the_gpl(package: str) -> None:
    fields = ("License-Expression", "License", "Classifier")
    licences = [licence for field in fields for licence in metadata(package).get_all(field) or ()]

    assert licences
    assert not [licence for licence in licences if re.search(r"(?<![LA])GPL|GNU General Public", licence)]
