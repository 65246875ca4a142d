"""NOTICE names every package that `make run` installs, and none of them is under the GPL."""

import re
import runpy
from importlib.metadata import metadata

import pytest

from tests.paths import ROOT

WHEELS = runpy.run_path(str(ROOT / ".ci" / "wheels.py"))
PACKAGES = sorted(package.partition("==")[0] for package in WHEELS["pinned"]())
NOTICE = (ROOT / "NOTICE").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_named(package: str) -> None:
    assert re.search(rf"(?<![\w-]){package}(?![\w-])", NOTICE)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_is_under_the_gpl(package: str) -> None:
    fields = ("License-Expression", "License", "Classifier")
    licences = [told for field in fields for told in metadata(package).get_all(field) or ()]

    assert licences
    assert not [told for told in licences if re.search(r"(?<![LA])GPL|GNU General Public", told)]
