"""The HTTP API only grows: the current OpenAPI document is compared with every released document."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.paths import ROOT
from tests.unit.api.contract.growth import breaks
from tests.unit.api.contract.openapi.test_document import DOCUMENT, new_document

RELEASED = sorted((Path(__file__).parent / "released").glob("*.json"))
TEXT_SEARCH = "/api/search-by-text"


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_the_openapi_document_is_compatible_with_each_release(released: Path) -> None:
    assert breaks(orjson.loads(released.read_bytes()), DOCUMENT) == []


def test_exactly_the_releases_of_the_changelog_have_a_recorded_document() -> None:
    sections = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert {released.stem for released in RELEASED} == set(sections)


def _without_an_endpoint(document: Any) -> None:
    del document["paths"]["/api/stats"]


def _without_a_parameter(document: Any) -> None:
    del document["paths"][TEXT_SEARCH]["get"]["parameters"][0]


def _with_a_required_parameter(document: Any) -> None:
    new = {"in": "query", "name": "token", "required": True, "schema": {"type": "string"}}
    document["paths"][TEXT_SEARCH]["get"]["parameters"].append(new)


def _with_a_lower_maximum(document: Any) -> None:
    for parameter in document["paths"][TEXT_SEARCH]["get"]["parameters"]:
        if parameter["name"] == "k":
            parameter["schema"]["maximum"] -= 1


def _without_a_body_type(document: Any) -> None:
    document["paths"]["/api/search-by-image"]["post"]["requestBody"]["content"].clear()


def _without_a_status(document: Any) -> None:
    del document["paths"][TEXT_SEARCH]["get"]["responses"]["202"]


def _without_a_header(document: Any) -> None:
    del document["paths"][TEXT_SEARCH]["get"]["responses"]["200"]["headers"]["X-Cache"]


def _without_a_field(document: Any) -> None:
    del document["components"]["schemas"]["Result"]["properties"]["total_results"]


def _with_a_field_of_another_type(document: Any) -> None:
    document["components"]["schemas"]["Result"]["properties"]["total_results"]["type"] = "string"


def _with_a_field_that_may_be_missing(document: Any) -> None:
    document["components"]["schemas"]["Result"]["required"].remove("total_results")


@pytest.mark.parametrize(
    "change",
    [
        _without_an_endpoint,
        _without_a_parameter,
        _with_a_required_parameter,
        _with_a_lower_maximum,
        _without_a_body_type,
        _without_a_status,
        _without_a_header,
        _without_a_field,
        _with_a_field_of_another_type,
        _with_a_field_that_may_be_missing,
    ],
)
def test_a_breaking_change_is_found(change: Callable[[Any], None]) -> None:
    changed = new_document()
    change(changed)

    assert breaks(DOCUMENT, changed)


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        (name, field)
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field in schema.get("properties", ())
    ],
)
def test_the_removal_of_any_field_is_found(schema: str, field: str) -> None:
    changed = new_document()
    del changed["components"]["schemas"][schema]["properties"][field]

    assert breaks(DOCUMENT, changed)
