"""The comparison of OpenAPI documents reports each change that breaks a client, and no growth."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.unit.api.contract.growth import breaks
from tests.unit.api.contract.openapi.test_document import DOCUMENT, new_document

SEARCH = "/api/search"
TEXT_SEARCH = "/api/search-by-text"
STRING = {"type": "string"}
NULL = {"type": "null"}

Change = Callable[[Any], object]


def fields(document: Any, schema: str) -> Any:
    return document["components"]["schemas"][schema]["properties"]


def component(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


def parameter(document: Any, name: str, path: str = SEARCH, method: str = "post") -> Any:
    return next(each for each in document["paths"][path][method]["parameters"] if each["name"] == name)


def answer(document: Any, status: str = "200") -> Any:
    return document["paths"][SEARCH]["post"]["responses"][status]


def change_security(document: Any, security: list[dict[str, list[str]]]) -> None:
    schemes = {"bearer": {"type": "http", "scheme": "bearer"}, "apiKey": {"type": "apiKey"}}
    document["components"]["securitySchemes"] = schemes
    document["security"] = security


BREAKS: dict[str, Change] = {
    "a lower maximum in anyOf": lambda d: fields(d, "SearchBody")["year_max"]["anyOf"][0].update(
        maximum=2000
    ),
    "a higher minimum in anyOf": lambda d: fields(d, "SearchBody")["year_min"]["anyOf"][0].update(
        minimum=1900
    ),
    "a lower maxLength in anyOf": lambda d: fields(d, "PartBody")["text"]["anyOf"][0].update(maxLength=5),
    "a lower maxLength beside oneOf": lambda d: fields(d, "PartBody")["album_id"]["anyOf"][0].update(
        maxLength=3
    ),
    "null is refused": lambda d: fields(d, "SearchBody")["min_score"]["anyOf"].pop(),
    "a new maxLength": lambda d: fields(d, "PartBody")["image"]["anyOf"][0].update(maxLength=1000),
    "oneOf cut to one kind": lambda d: component(d, "PartBody")["oneOf"].__delitem__(slice(1, None)),
    "oneOf with a kind that matches everything": lambda d: component(d, "PartBody")["oneOf"].append({}),
    "a kind of oneOf requires more": lambda d: component(d, "PartBody")["oneOf"][0]["required"].append(
        "weight"
    ),
    "another pattern": lambda d: parameter(d, "Idempotency-Key")["schema"].update(pattern="^[a-z]+$"),
    "a new pattern": lambda d: fields(d, "PartBody")["image"]["anyOf"][0].update(pattern="^data:"),
    "a new format of a request": lambda d: fields(d, "PartBody")["image"].update(format="uri"),
    "an item of a request with a lower maxLength": lambda d: fields(d, "SearchBody")["genre"]["items"].update(
        maxLength=10
    ),
    "fewer items": lambda d: fields(d, "SearchBody")["parts"].update(maxItems=2),
    "a new enum of a request": lambda d: fields(d, "SearchBody")["genre"]["items"].update(enum=["Rock"]),
    "another default of a request": lambda d: fields(d, "SearchBody")["k"].update(default=20),
    "a required field of a request": lambda d: component(d, "SearchBody")["required"].append("k"),
    "an integer instead of a number": lambda d: fields(d, "PartBody")["weight"].update(type="integer"),
    "a required header parameter": lambda d: parameter(d, "Idempotency-Key").update(required=True),
    "an array instead of a string in a path": lambda d: parameter(d, "job_id", "/api/jobs/{job_id}", "get")[
        "schema"
    ].update(type="array"),
    "a parameter in another style": lambda d: parameter(d, "wait").update(style="deepObject"),
    "a response header of another type": lambda d: answer(d)["headers"]["RateLimit-Limit"]["schema"].update(
        type="string"
    ),
    "a response of another media type": lambda d: answer(d).update(
        content={"text/plain": answer(d)["content"]["application/json"]}
    ),
    "global security": lambda d: change_security(d, [{"bearer": []}]),
    "security of one operation": lambda d: d["paths"][SEARCH]["post"].update(security=[{"bearer": []}]),
    "a nullable field of a response as a list of types": lambda d: fields(d, "Result")[
        "total_results"
    ].update(type=["integer", "null"]),
    "a nullable field of a response in anyOf": lambda d: fields(d, "Result").update(
        total_results={"anyOf": [{"type": "integer"}, NULL]}
    ),
    "a nullable reference of a response": lambda d: fields(d, "Job").update(
        urls={"anyOf": [fields(d, "Job")["urls"], NULL]}
    ),
    "a field of a response may be missing": lambda d: component(d, "JobUrls")["required"].remove("cancel"),
    "a free value instead of an enum of a response": lambda d: fields(d, "Job")["status"].pop("enum"),
    "null in an enum of a response": lambda d: fields(d, "Job").update(status={"enum": ["queued", None]}),
    "a lower minimum of a response": lambda d: fields(d, "Job")["queue_position"]["anyOf"][0].update(
        minimum=0
    ),
    "no format of a response": lambda d: fields(d, "Job")["created_at"].pop("format"),
    "a number instead of an integer in a response": lambda d: fields(d, "Result")["total_results"].update(
        type="number"
    ),
    "other fields of a response are gone": lambda d: fields(d, "Job")["query"].update(
        additionalProperties=False
    ),
    "a pattern that matches a field": lambda d: component(d, "PartBody").update(
        patternProperties={"^weight": {"type": "integer"}}
    ),
    "a pattern of fields that were open": lambda d: [
        component(d, "Job").update(patternProperties={"^note": STRING}),
    ],
    "an unknown keyword": lambda d: fields(d, "SearchBody")["parts"].update(uniqueItems=True),
    "an unknown keyword of a response": lambda d: fields(d, "Result")["results"].update({"not": {}}),
    "an unknown keyword of an operation": lambda d: d["paths"][SEARCH]["post"].update(
        servers=[{"url": "/v2"}]
    ),
}

GROWTH: dict[str, Change] = {
    "descriptions and examples": lambda d: fields(d, "PartBody")["weight"].update(
        description="new", examples=[1], title="W", deprecated=True
    ),
    "a higher maximum": lambda d: fields(d, "SearchBody")["year_max"]["anyOf"][0].update(maximum=99999),
    "no maxLength": lambda d: fields(d, "PartBody")["text"]["anyOf"][0].pop("maxLength"),
    "a list of types instead of anyOf": lambda d: fields(d, "PartBody").update(
        text={"type": ["null", "string"], "minLength": 1, "maxLength": 500, "default": None}
    ),
    "a nullable field of a request": lambda d: fields(d, "SearchBody").update(
        k={"anyOf": [fields(d, "SearchBody")["k"], NULL], "default": 10}
    ),
    "another kind of oneOf": lambda d: [
        fields(d, "PartBody").update(url=STRING),
        component(d, "PartBody")["oneOf"].append({"required": ["url"]}),
    ],
    "no oneOf": lambda d: component(d, "PartBody").pop("oneOf"),
    "other fields of a request": lambda d: component(d, "PartBody").update(additionalProperties=True),
    "an optional field of a request": lambda d: component(d, "SearchBody").pop("required"),
    "fields by a pattern": lambda d: component(d, "PartBody").update(patternProperties={"^note": STRING}),
    "no pattern": lambda d: parameter(d, "Idempotency-Key")["schema"].pop("pattern"),
    "a number instead of an integer in a request": lambda d: fields(d, "SearchBody")["k"].update(
        type="number"
    ),
    "another media type of a request": lambda d: d["paths"][SEARCH]["post"]["requestBody"]["content"].update(
        {"application/cbor": {}}
    ),
    "an optional body": lambda d: d["paths"][SEARCH]["post"]["requestBody"].pop("required", None),
    "an optional parameter": lambda d: d["paths"][TEXT_SEARCH]["get"]["parameters"].append(
        {"in": "query", "name": "order", "required": False, "schema": {"type": "integer"}}
    ),
    "an endpoint": lambda d: d["paths"].update({"/api/artists": d["paths"]["/api/stats"]}),
    "a status": lambda d: d["paths"][SEARCH]["post"]["responses"].update({"418": {"description": "tea"}}),
    "a response header": lambda d: answer(d)["headers"].update({"X-New": {"schema": STRING}}),
    "a required field of a response": lambda d: [
        fields(d, "Result").update(sorted={"type": "boolean"}),
        component(d, "Result")["required"].append("sorted"),
    ],
    "a value of an enum of a response": lambda d: fields(d, "Job")["status"]["enum"].append("paused"),
    "fewer values of an enum of a response": lambda d: fields(d, "Job")["status"]["enum"].pop(),
    "a field of a response that is never null": lambda d: fields(d, "Job").update(
        queue_position={"type": "integer", "minimum": 1}
    ),
    "a higher minimum of a response": lambda d: fields(d, "Job")["queue_position"]["anyOf"][0].update(
        minimum=2
    ),
    "a closed response": lambda d: component(d, "JobUrls").update(additionalProperties=False),
    "optional security": lambda d: change_security(d, [{}, {"bearer": []}]),
    "an inline schema instead of a reference": lambda d: fields(d, "Job").update(
        urls=component(d, "JobUrls")
    ),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_a_change_that_breaks_clients_is_reported(change: Change) -> None:
    changed = new_document()
    change(changed)

    assert breaks(DOCUMENT, changed)


@pytest.mark.parametrize("change", GROWTH.values(), ids=GROWTH)
def test_growth_is_not_reported(change: Change) -> None:
    grown = new_document()
    change(grown)

    assert breaks(DOCUMENT, grown) == []


def document(*, body: object = True, result: object = True, **operation: object) -> Any:
    """Return a document of one operation with these schemas of its body and its response."""
    described = {
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {"200": {"content": {"application/json": {"schema": result}}}},
    }
    return {"paths": {"/": {"post": {**described, **operation}}}, "components": {}}


def maps(schema: object) -> dict[str, object]:
    return {"type": "object", "additionalProperties": schema}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"enum": ["a", "b"]}, {"enum": ["a"]}),
        ({"enum": ["a", "b"]}, {"const": "a"}),
        ({"type": "number", "maximum": 5}, {"type": "number", "exclusiveMaximum": 5}),
        (maps({"type": "integer"}), maps({"type": "integer", "maximum": 5})),
        (maps(True), maps(False)),
        ({"type": "object"}, maps({"type": "string"})),
        ({"allOf": [STRING, {"maxLength": 5}]}, {"allOf": [STRING, {"maxLength": 4}]}),
        ({"type": "array"}, {"type": "array", "items": STRING}),
        ({}, STRING),
        (STRING, False),
    ],
)
def test_a_narrower_request_breaks_and_a_wider_request_does_not(old: object, new: object) -> None:
    assert breaks(document(body=old), document(body=new))
    assert breaks(document(body=new), document(body=old)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"const": True}, {"enum": [True, False]}),
        (maps({"type": "integer"}), maps(STRING)),
        (maps({"type": "integer"}), maps(True)),
        ({"type": "array", "items": STRING}, {"type": "array"}),
        ({"oneOf": [STRING]}, {"oneOf": [STRING, {"type": "integer"}]}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0}),
    ],
)
def test_a_wider_response_breaks(old: object, new: object) -> None:
    assert breaks(document(result=old), document(result=new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"enum": [1]}, {"enum": [True]}),
        (maps({"type": "integer"}), {"type": "object", "properties": {"name": STRING}}),
    ],
)
def test_other_values_break_requests_and_responses(old: object, new: object) -> None:
    assert breaks(document(body=old), document(body=new))
    assert breaks(document(result=old), document(result=new))


def test_an_unchanged_document_is_not_reported() -> None:
    assert breaks(DOCUMENT, DOCUMENT) == []


def test_a_body_that_is_required_now_is_reported() -> None:
    required = document()
    required["paths"]["/"]["post"]["requestBody"]["required"] = True

    assert breaks(document(), required) == ["POST /: a body is required now"]
    assert breaks(required, document()) == []


def test_a_recursive_schema_is_compared() -> None:
    def tree(value: Mapping[str, object]) -> Any:
        node = {"type": "object", "properties": {"value": value, "child": {"anyOf": [tree_reference, NULL]}}}
        return document(body=tree_reference) | {"components": {"schemas": {"Node": node}}}

    tree_reference = {"$ref": "#/components/schemas/Node"}

    assert breaks(tree(STRING), tree(STRING)) == []
    assert breaks(tree(STRING), tree({**STRING, "maxLength": 5}))


def test_an_unknown_keyword_with_a_reference_is_reported() -> None:
    body = {"not": {"$ref": "#/components/schemas/Node"}}

    assert breaks(document(body=body), document(body=body))


def test_references_to_parameters_responses_headers_and_bodies_are_followed() -> None:
    def shared(kind: str) -> Any:
        schema = {"schema": {"type": kind}}
        operation = {
            "parameters": [{"$ref": "#/components/parameters/P"}],
            "requestBody": {"$ref": "#/components/requestBodies/B"},
            "responses": {"200": {"$ref": "#/components/responses/R"}},
        }
        components = {
            "parameters": {"P": {"in": "query", "name": "p", **schema}},
            "requestBodies": {"B": {"content": {"application/json": schema}}},
            "responses": {
                "R": {"headers": {"H": {"$ref": "#/components/headers/H"}}, "content": {"a/b": schema}}
            },
            "headers": {"H": schema},
        }
        return document(**operation) | {"components": components}

    assert breaks(shared("string"), shared("string")) == []
    assert len(breaks(shared("string"), shared("boolean"))) == 4


@pytest.mark.parametrize(
    "security", [[{"key": ["read", "write"]}], [{"key": ["read"], "second": []}], [{"second": []}]]
)
def test_credentials_that_no_longer_suffice_are_reported(security: object) -> None:
    assert breaks(document(security=[{"key": ["read"]}]), document(security=security))


def test_a_parameter_of_the_path_counts_for_its_operations() -> None:
    old, new = document(), document()
    new["paths"]["/"]["parameters"] = [{"in": "query", "name": "p", "required": True, "schema": STRING}]

    assert breaks(old, new) == ["POST /: query parameter p is required now"]
