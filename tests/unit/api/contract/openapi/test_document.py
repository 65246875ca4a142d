"""The OpenAPI document describes every parameter, answer, header and error of the code."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from api.app import create_app
from api.contract.errors.statuses import PROBLEMS_BY_CODE
from api.contract.openapi.problem_examples import DETAILS
from api.contract.requests.album_list import AlbumListParameters
from api.contract.requests.search_parameters import SearchParameters, TextSearch
from common.catalog.errors import REMEDIES
from common.settings import load_settings
from tests.paths import ROOT

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
    "GET /api/service",
    "GET /api/ingests",
    "GET /api/albums",
    "GET /api/facets",
    "GET /api/albums/{album_id}",
    "GET /api/albums/{album_id}/similar",
    "GET /api/jobs/{job_id}",
    "GET /api/jobs/{job_id}/events",
    "POST /api/jobs/{job_id}/cancel",
}
DOCS = ROOT / "docs" / "http.md"


def make_document() -> dict[str, Any]:
    app = create_app(load_settings({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}))
    return app.openapi()


DOCUMENT = make_document()
_JSON = orjson.dumps(DOCUMENT)
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def new_document() -> Any:
    """Return a copy of the document, which a test may change."""
    return orjson.loads(_JSON)


def every_schema(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from every_schema(value)
    elif isinstance(node, list):
        for value in node:
            yield from every_schema(value)


def every_example(node: object, where: str = "") -> Iterator[tuple[str, dict[str, Any], object]]:
    """Yield the place, the schema and the value of each example in the document."""
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from every_example(value, f"{where}/{index}")
    if not isinstance(node, dict):
        return
    schema = node.get("schema", node)
    if "example" in node:
        yield where, schema, node["example"]
    examples = node.get("examples", [])
    named = examples.items() if isinstance(examples, dict) else enumerate(examples)
    for name, example in named:
        yield f"{where}#{name}", schema, example["value"] if isinstance(examples, dict) else example
    for name, value in node.items():
        if name not in {"example", "examples"}:
            yield from every_example(value, f"{where}/{name}")


def codes(operation: dict[str, Any]) -> set[str]:
    return {
        code
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        for code in content.get("examples", {})
    }


def test_it_lists_exactly_the_endpoints_of_the_application() -> None:
    assert set(OPERATIONS) == ENDPOINTS


def test_every_reference_resolves() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}

    assert set(every_schema(DOCUMENT)) <= known


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_parameter_has_a_description_a_schema_and_an_example(name: str) -> None:
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


EXAMPLES = list(every_example(DOCUMENT))


@pytest.mark.parametrize(("schema", "example"), [e[1:] for e in EXAMPLES], ids=[e[0] for e in EXAMPLES])
def test_every_example_is_valid_against_its_schema(schema: dict[str, Any], example: object) -> None:
    # The validator needs the components, because all references point to them.
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})

    assert [error.message for error in validator.iter_errors(example)] == []


@pytest.mark.parametrize("name", [n for n, o in OPERATIONS.items() if "requestBody" in o])
def test_every_body_has_an_example(name: str) -> None:
    for content in OPERATIONS[name]["requestBody"]["content"].values():
        component = DOCUMENT["components"]["schemas"].get(
            content["schema"].get("$ref", "").split("/")[-1], {}
        )
        assert "example" in content or "examples" in component


def test_every_component_has_an_example() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert [name for name, schema in schemas.items() if not schema.keys() & {"example", "examples"}] == []


def test_every_problem_code_has_its_own_detail() -> None:
    shown = {
        (example["code"], example["detail"])
        for _, _, example in EXAMPLES
        if isinstance(example, dict) and "code" in example and "detail" in example
    }

    assert len(shown) == len({code for code, _ in shown}) == len({detail for _, detail in shown})
    assert dict(shown) == DETAILS


def test_every_401_has_www_authenticate_and_every_counted_answer_its_rate_limit() -> None:
    limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}

    for name, operation in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            assert ("WWW-Authenticate" in answer["headers"]) is (status == "401"), (name, status)
            counted = " /api/" in name or status in {"401", "429"}
            assert (limits <= answer["headers"].keys()) is counted, (name, status)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_error_but_readiness_has_the_problem_media_type(name: str) -> None:
    for status, answer in OPERATIONS[name]["responses"].items():
        problem = "application/problem+json" in answer.get("content", {})
        # /readyz is an exception: its 503 has the same object as its 200.
        assert problem == (int(status) >= 400 and (name, status) != ("GET /readyz", "503"))


def test_the_documented_search_parameters_are_the_ones_the_code_reads() -> None:
    described = {
        name: {p["name"] for p in OPERATIONS[name]["parameters"] if p["in"] == "query"}
        for name in ("GET /api/search-by-text", "POST /api/search-by-image")
    }

    assert described["GET /api/search-by-text"] == names(TextSearch)
    assert described["POST /api/search-by-image"] == names(SearchParameters)


def names(model: type[BaseModel]) -> set[str]:
    """Return the names by which clients know the fields of a model."""
    return {field.alias or name for name, field in model.model_fields.items()}


def test_every_error_code_is_documented_by_an_endpoint() -> None:
    described = {code for operation in OPERATIONS.values() for code in codes(operation)}

    # The codes that no documented endpoint returns are for unknown paths, methods that are not allowed,
    # requests that fail before routing, and requests for files.
    elsewhere = {"not_found", "method_not_allowed", "headers_too_large", "not_implemented"}
    elsewhere |= {"range_not_satisfiable"}
    assert set(PROBLEMS_BY_CODE) - described == elsewhere


def test_the_docs_have_one_row_for_each_code_with_its_status() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", DOCS.read_text(), re.MULTILINE))

    assert rows == {code: str(problem.status) for code, problem in PROBLEMS_BY_CODE.items()}


def test_every_catalog_problem_is_in_the_schema_and_in_the_docs() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    rows = re.findall(r"^\| `([a-z_]+)` \| [a-z]", DOCS.read_text(), re.MULTILINE)

    for described in (schemas["Failure"], schemas["Problem"]):
        assert described["properties"]["problem"]["enum"] == [*REMEDIES]
        assert "problem" not in described["required"]
    assert [problem for problem in REMEDIES if problem not in rows] == []


def test_the_docs_name_every_endpoint() -> None:
    text = DOCS.read_text()

    assert [name for name in ENDPOINTS if f"`{name}`" not in text] == []


def test_the_docs_name_every_query_parameter() -> None:
    text = DOCS.read_text()

    documented = names(TextSearch) | names(AlbumListParameters)
    assert [name for name in documented if f"`{name}`" not in text] == []


@pytest.mark.parametrize(("auth", "needed"), [("optional", False), ("required", True)])
def test_with_authentication_the_document_says_which_endpoints_need_a_key(auth: str, needed: bool) -> None:
    settings = load_settings({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "AUTH": auth})
    document = create_app(settings).openapi()
    security = {path: next(iter(o.values()))["security"] for path, o in document["paths"].items()}

    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    assert ({} not in security["/api/genres"]) is needed
    assert {} in security["/health"]
    assert "securitySchemes" not in DOCUMENT["components"]
