"""Find changes between two OpenAPI documents that break clients, because the HTTP API may only grow.

Every request that was accepted must stay accepted. Every promised part of a response must still exist with
the same type. New endpoints, optional parameters, response fields, error codes and statuses are allowed.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

#: Maps each schema keyword that limits values to whether a larger limit accepts more values.
_BOUNDS = {
    "maximum": True,
    "exclusiveMaximum": True,
    "maxLength": True,
    "maxItems": True,
    "minimum": False,
    "exclusiveMinimum": False,
    "minLength": False,
    "minItems": False,
}


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return one sentence for each change that breaks a client of the old document."""
    return [*_Comparison(old, new).operations()]


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str, bool]] = set()

    def operations(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, old in methods.items():
                name = f"{method.upper()} {path}"
                new = self._new["paths"].get(path, {}).get(method)
                if new is None:
                    yield f"{name} is gone"
                    continue
                yield from self._parameters(name, old, new)
                yield from self._body(name, old, new)
                yield from self._responses(name, old, new)

    def _parameters(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = _parameters(old), _parameters(new)
        for key, parameter in before.items():
            where = f"{name}: {key[0]} parameter {key[1]}"
            if key not in after:
                yield f"{where} is gone"
                continue
            if after[key].get("required") and not parameter.get("required"):
                yield f"{where} is required now"
            yield from self._request_schema(where, parameter["schema"], after[key]["schema"])
        for key in after.keys() - before.keys():
            if after[key].get("required"):
                yield f"{name}: the new {key[0]} parameter {key[1]} is required"

    def _body(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("requestBody", {}), new.get("requestBody", {})
        if after.get("required") and not before.get("required"):
            yield f"{name}: a body is required now"
        for media_type, content in before.get("content", {}).items():
            if media_type not in after.get("content", {}):
                yield f"{name}: bodies of type {media_type} are refused"
            elif "schema" in content:
                schema = after["content"][media_type].get("schema", {})
                yield from self._request_schema(f"{name}: {media_type}", content["schema"], schema)

    def _responses(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, response in old["responses"].items():
            where, other = f"{name}: answer {status}", new["responses"].get(status)
            if other is None:
                yield f"{where} is gone"
                continue
            for header in response.get("headers", {}).keys() - other.get("headers", {}).keys():
                yield f"{where}: header {header} is gone"
            for media_type, content in response.get("content", {}).items():
                if media_type not in other.get("content", {}):
                    yield f"{where} is not of type {media_type} any more"
                elif "schema" in content:
                    schema = other["content"][media_type].get("schema", {})
                    yield from self._answer_schema(where, content["schema"], schema)

    def _request_schema(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        old, new, is_known = self._resolved(old, new, is_request=True)
        if is_known:
            return
        accepted = set(map(str, old.get("enum", ())))
        if gone := accepted - set(map(str, new.get("enum", accepted))):
            yield f"{where}: {', '.join(sorted(gone))} is refused"
        if not _types(old) <= _types(new):
            yield f"{where}: {', '.join(sorted(_types(old) - _types(new)))} is refused"
        for bound, larger_accepts_more in _BOUNDS.items():
            before, after = old.get(bound), new.get(bound)
            if after is None:
                continue
            if before is None or (after < before if larger_accepts_more else after > before):
                yield f"{where}: {bound} is {after}, and was {before}"
        for required in set(new.get("required", ())) - set(old.get("required", ())):
            yield f"{where}: {required} is required now"
        yield from self._fields(where, old, new, is_request=True)

    def _answer_schema(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        old, new, is_known = self._resolved(old, new, is_request=False)
        if is_known:
            return
        if not _types(new) <= _types(old):
            was, now = (", ".join(sorted(_types(schema))) for schema in (old, new))
            yield f"{where}: is {now} now, and was {was}"
        for required in set(old.get("required", ())) - set(new.get("required", ())):
            yield f"{where}: {required} may be missing now"
        yield from self._fields(where, old, new, is_request=False)

    def _fields(self, where: str, old: Schema, new: Schema, *, is_request: bool) -> Iterator[str]:
        compare = self._request_schema if is_request else self._answer_schema
        for field, schema in old.get("properties", {}).items():
            if field not in new.get("properties", {}):
                yield f"{where}: field {field} is gone"
            else:
                yield from compare(f"{where}: {field}", schema, new["properties"][field])
        for before, after in zip(_choices(old), _choices(new), strict=False):
            yield from compare(where, before, after)
        if "items" in old and "items" in new:
            yield from compare(f"{where}: item", old["items"], new["items"])

    def _resolved(self, old: Schema, new: Schema, *, is_request: bool) -> tuple[Schema, Schema, bool]:
        """Follow references in both schemas, and return whether this pair has already been compared."""
        names = (old.get("$ref", ""), new.get("$ref", ""), is_request)
        is_known = bool(names[0]) and names in self._seen
        self._seen.add(names)
        return _followed(self._old, old), _followed(self._new, new), is_known


def _parameters(operation: Schema) -> dict[tuple[str, str], Schema]:
    return {(each["in"], each["name"]): each for each in operation.get("parameters", ())}


def _followed(document: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _choices(schema: Schema) -> list[Schema]:
    """Return the alternatives of a schema that are objects or arrays, in the order of the schema."""
    alternatives = schema.get("anyOf") or schema.get("oneOf") or []
    return [each for each in alternatives if each.keys() & {"$ref", "properties", "items"}]


def _types(schema: Schema) -> set[str]:
    """Return the names of the types that a schema allows; an empty schema allows every type."""
    choices = schema.get("anyOf") or schema.get("oneOf") or [schema]
    found: set[str] = set()
    for choice in choices:
        if "$ref" in choice:
            found.add(choice["$ref"].rpartition("/")[2])
        kind = choice.get("type", ())
        found.update([kind] if isinstance(kind, str) else kind)
    return found
