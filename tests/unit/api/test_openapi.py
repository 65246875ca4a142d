"""The OpenAPI document describes what the code does: every parameter, answer, header and error."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.parameters import SEARCH, TEXT_SEARCH
from api.problems import PROBLEMS_BY_CODE
from common.catalog.faults import REMEDIES
from common.settings import load_settings

ENDPOINTS = {
    "GET /",
    "GET /health",
    "GET /livez",
    "GET /readyz",
    "GET /api/search-by-text",
    "POST /api/search-by-image",
    "POST /api/search",
    "GET /api/genres",
    "GET /api/stats",
    "GET /api/albums/{album_id}",
    "GET /api/albums/{album_id}/similar",
    "GET /api/jobs/{job_id}",
    "GET /api/jobs/{job_id}/events",
    "POST /api/jobs/{job_id}/cancel",
}
DOCS = Path(__file__).parents[3] / "docs" / "http.md"


def make_document() -> dict[str, Any]:
    app = create_app(load_settings({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}))
    return app.openapi()


DOCUMENT = make_document()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def every_schema(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from every_schema(value)
    elif isinstance(node, list):
        for value in node:
            yield from every_schema(value)


def codes(operation: dict[str, Any]) -> set[str]:
    return {
        code
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        for code in content.get("examples", {})
    }


def test_it_has_every_endpoint_and_no_other() -> None:
    assert set(OPERATIONS) == ENDPOINTS


def test_every_reference_leads_somewhere() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}

    assert set(every_schema(DOCUMENT)) <= known


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_parameter_has_words_a_schema_and_an_example(name: str) -> None:
    for parameter in OPERATIONS[name].get("parameters", []):
        assert parameter["description"]
        assert parameter["schema"]
        assert "example" in parameter


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_has_an_example_and_described_headers(name: str) -> None:
    for status, answer in OPERATIONS[name]["responses"].items():
        assert answer["description"]
        assert "X-Request-Id" in answer["headers"], status
        for header in answer["headers"].values():
            assert header["description"]
            assert "example" in header
        for content in answer.get("content", {}).values():
            schema = content.get("schema", {})
            component = DOCUMENT["components"]["schemas"].get(schema.get("$ref", "").split("/")[-1], {})
            assert "example" in content or "examples" in content or "example" in component, status


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_read_as_the_right_type(name: str) -> None:
    for status, answer in OPERATIONS[name]["responses"].items():
        problem = "application/problem+json" in answer.get("content", {})
        # Readiness answers 503 with the same object as 200.
        assert problem == (int(status) >= 400 and (name, status) != ("GET /readyz", "503"))


def test_the_parameters_of_a_search_are_those_that_are_read() -> None:
    described = {
        name: {p["name"] for p in OPERATIONS[name]["parameters"] if p["in"] == "query"}
        for name in ("GET /api/search-by-text", "POST /api/search-by-image")
    }

    assert described["GET /api/search-by-text"] == {parameter.name for parameter in TEXT_SEARCH}
    assert described["POST /api/search-by-image"] == {parameter.name for parameter in SEARCH}


def test_every_code_is_described_somewhere() -> None:
    described = {code for operation in OPERATIONS.values() for code in codes(operation)}

    # These have no endpoint of their own: there is none, it does not take the method, or none was reached.
    elsewhere = {"not_found", "method_not_allowed", "headers_too_large"}
    assert set(PROBLEMS_BY_CODE) - described == elsewhere


def test_the_docs_have_one_row_for_each_code_with_its_status() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", DOCS.read_text(), re.MULTILINE))

    assert rows == {code: str(problem.status) for code, problem in PROBLEMS_BY_CODE.items()}


def test_every_problem_of_a_catalog_is_described_and_has_a_row_in_the_docs() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    (failure,) = (kind for kind in schemas["Job"]["properties"]["error"]["anyOf"] if "properties" in kind)
    rows = re.findall(r"^\| `([a-z_]+)` \| [a-z]", DOCS.read_text(), re.MULTILINE)

    for described in (failure, schemas["Problem"]):
        assert described["properties"]["problem"]["enum"] == [*REMEDIES]
        assert "problem" not in described["required"]
    assert [problem for problem in REMEDIES if problem not in rows] == []


def test_the_docs_name_every_endpoint() -> None:
    text = DOCS.read_text()

    assert [name for name in ENDPOINTS if f"`{name}`" not in text] == []


def test_the_docs_name_every_query_parameter() -> None:
    text = DOCS.read_text()

    assert [p.name for p in TEXT_SEARCH if f"`{p.name}`" not in text] == []


@pytest.mark.parametrize(("auth", "needed"), [("optional", False), ("required", True)])
def test_where_keys_are_asked_for_the_document_says_which_endpoints_need_one(auth: str, needed: bool) -> None:
    settings = load_settings({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "AUTH": auth})
    document = create_app(settings).openapi()
    security = {path: next(iter(o.values()))["security"] for path, o in document["paths"].items()}

    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    assert ({} not in security["/api/genres"]) is needed
    assert {} in security["/health"]
    assert "securitySchemes" not in DOCUMENT["components"]
