"""The documents match the code: settings, links, Redis keys and make targets."""

import re
from pathlib import Path

import pytest

from common.redis import keyspace
from common.settings import Settings
from tests.optional_packages import NEEDS_TORCH
from tests.paths import ROOT

README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *(ROOT / "docs").rglob("*.md"),
]


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_the_readme_lists_every_setting(name: str) -> None:
    assert f"`{name}`" in README


def test_the_readme_names_no_unknown_setting() -> None:
    table = README.split("## Settings")[1].split("##")[0]
    named = {name for row in table.splitlines() if row.startswith("| `") for name in _first_cell(row)}

    assert named == {name.upper() for name in Settings.model_fields}


def _first_cell(row: str) -> list[str]:
    return re.findall(r"`([A-Z0-9_]+)`", row.split("|")[1])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_resolves(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", document.read_text())

    missing = [target for target in targets if not (document.parent / target).exists()]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_source_file_named_in_a_document_exists(document: Path) -> None:
    named = re.findall(
        r"`((?:api|worker|common|catalog|training|local|benchmarks|tests|ops)/[\w/.-]*)`",
        document.read_text(),
    )

    missing = [name for name in named if not (ROOT / name).exists()]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", document.read_text()))
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}

    assert named <= there


def test_every_make_target_named_in_a_document_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {
        target
        for document in DOCUMENTS
        for target in re.findall(r"\bmake ([a-z-]+)\b`", document.read_text())
    }

    assert named <= targets


def test_the_performance_page_names_families_that_can_be_measured_and_stays_short() -> None:
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    from benchmarks.all_benchmarks import FAMILIES

    page = (ROOT / "docs" / "performance.md").read_text()
    named = set(re.findall(r"--only ([a-z0-9_]+)", page)) | set(re.findall(r"\(`([a-z0-9_]+)`\) \|", page))

    assert {"e2e", "broker"} <= named <= FAMILIES.keys()
    # The table of figures grows with the product; the limit is for the prose around it.
    prose = re.sub(r"<!-- measured: .*<!-- /measured: \w+ -->", "", page, flags=re.DOTALL)
    assert len(prose.split()) <= 1300


def test_every_name_of_the_key_map_is_documented() -> None:
    names = {value for name, value in vars(keyspace).items() if name.isupper() and isinstance(value, str)}
    documented = keyspace.__doc__ or ""

    undocumented = {name for name in names if name.strip(":") not in documented} - {"events", "catalog"}

    assert undocumented == set()
