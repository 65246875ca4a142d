"""Builds validation messages from pydantic's errors and the model's JSON schema."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from common.errors import InvalidParameter

#: The maximum number of characters of an unknown parameter name that a message shows.
NAME_SHOWN_CHARS = 100

Schema = Mapping[str, Any]
#: An element of pydantic's `ValidationError.errors()`.
Error = Mapping[str, Any]


def problems_of(model: type[BaseModel], errors: Sequence[Error]) -> list[InvalidParameter]:
    """Return one problem, with a location such as `parts.0.weight`, for each validation error of a body."""
    return [_problem(model, error, error["loc"]) for error in errors]


def parameter_problems(model: type[BaseModel], errors: Sequence[Error]) -> list[InvalidParameter]:
    """Return the first problem of each invalid parameter of a query string."""
    first = {error["loc"][:1]: error for error in reversed(errors)}
    return [_problem(model, error, place) for place, error in reversed(first.items())]


def _problem(model: type[BaseModel], error: Error, place: Sequence[int | str]) -> InvalidParameter:
    context = error.get("ctx", {})
    name = str(context.get("parameter") or ".".join(str(step)[:NAME_SHOWN_CHARS] for step in place) or "body")
    match error["type"]:
        case "sentence":
            return InvalidParameter(error["msg"], parameter=name)
        case "missing":
            return InvalidParameter(f"{name} is missing", parameter=name)
        case "extra_forbidden":
            return InvalidParameter(f"unknown parameter {name}; {_known(model, place[:-1])}", parameter=name)
        case _:
            return InvalidParameter(f"{name} is {_described(_schema_at(model, place))}", parameter=name)


def _known(model: type[BaseModel], place: Sequence[str | int]) -> str:
    names = [*_schema_at(model, place).get("properties", ())]
    return f"known parameters: {', '.join(names)}" if names else "this endpoint has none"


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _schema_at(model: type[BaseModel], place: Sequence[str | int]) -> Schema:
    """Return the schema of the value at a location such as ("parts", 0, "weight")."""
    whole = _schema(model)
    found = _resolved(whole, whole)
    for step in place:
        inner = found["items"] if isinstance(step, int) else found.get("properties", {}).get(step, {})
        found = _resolved(inner, whole)
    return found


def _resolved(schema: Schema, whole: Schema) -> Schema:
    """Resolve a `$ref` in a schema, and reduce a union of one type and null to that type."""
    if "$ref" in schema:
        return _resolved(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    some = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return _resolved(some[0], whole) if len(some) == 1 else schema


def _described(schema: Schema) -> str:
    """Describe in words the values that a schema allows."""
    match schema.get("type"):
        case "integer" | "number" as kind:
            noun = "an integer" if kind == "integer" else "a number"
            return f"{noun} from {schema['minimum']:g} to {schema['maximum']:g}"
        case "boolean":
            return "true or false"
        case "string":
            return f"a text of {_counted(schema, 'Length', 'character')}"
        case "array" if "enum" in schema["items"]:
            return f"a list of {_range(schema, 'Items')} words, each {' or '.join(schema['items']['enum'])}"
        case "array":
            items = schema["items"]
            kind = f"texts of {_counted(items, 'Length', 'character')}" if "type" in items else "objects"
            return f"a list of {_range(schema, 'Items')} {kind}"
        case _:
            return "a JSON object"


def _counted(schema: Schema, what: str, unit: str) -> str:
    return f"{_range(schema, what)} {unit}s"


def _range(schema: Schema, what: str) -> str:
    low, high = schema.get(f"min{what}", 0), schema.get(f"max{what}")
    if high is None:
        return f"at least {low}"
    return f"{low} to {high}" if low else f"at most {high}"
