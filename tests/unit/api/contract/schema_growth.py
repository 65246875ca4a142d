"""Find changes between two schemas of OpenAPI documents that break clients.

A schema is first split into alternatives: schemas of one type without references and choices. In a request,
each old alternative must fit into a new alternative; in a response, each new alternative must fit into an
old alternative. A response may also get new fields and new values of an enum.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import orjson

Schema = dict[str, Any]

#: Keywords that neither limit values nor change how a value is read.
ANNOTATIONS = frozenset(
    {"title", "description", "summary", "example", "examples", "deprecated", "externalDocs", "$comment"}
)
_COMPOSITIONS = {"$ref", "allOf", "anyOf", "oneOf"}
#: Maps a bound to 1 if a larger bound accepts more values, or to -1.
_BOUNDS = dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), 1)
_BOUNDS |= dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), -1)
_EXCLUSIVE = {"maximum": "exclusiveMaximum", "minimum": "exclusiveMinimum"}
_FIELDS = {"required", "properties", "additionalProperties", "items"}
_LIMITS = _FIELDS | {"pattern", "format", *_BOUNDS}
#: Keywords that have a rule of their own; every other keyword must stay equal.
_COMPARED = frozenset(_LIMITS | {"type", "enum", "const", "default"})
_JSON_TYPES = {"NoneType": "null", "bool": "boolean", "int": "integer", "float": "number", "str": "string"}


@dataclass(frozen=True, slots=True)
class SchemaComparison:
    """Compares the request schemas or the response schemas of two OpenAPI documents."""

    old: Schema
    new: Schema
    is_request: bool
    _found: dict[tuple[bytes, bytes], list[str]] = field(default_factory=dict)

    def breaks(self, where: str, old: Schema | bool, new: Schema | bool) -> list[str]:
        """Return one sentence for each change of a schema that breaks a client."""
        before, after = orjson.dumps(old), orjson.dumps(new)
        if before == after and b'"$ref"' not in before:
            return []  # Most schemas are equal; this makes the comparison of documents five times faster.
        key = (before, after)
        if key in self._found:
            return self._found[key]
        self._found[key] = []  # A recursive schema gets here again.
        if isinstance(old, dict) and isinstance(new, dict) and "$ref" in old and "$ref" in new:
            where = f"{'request' if self.is_request else 'response'} {old['$ref']}"
            self._found[key] = list(dict.fromkeys(self._changes(where, old, new)))
            return self._found[key]
        found = list(dict.fromkeys(self._changes(where, old, new)))
        del self._found[key]  # The sentences name this place, and other places need their own.
        return found

    def _changes(self, where: str, old: Schema | bool, new: Schema | bool) -> Iterator[str]:
        before, after = alternatives(self.old, old), alternatives(self.new, new)
        fitting, allowed = (before, after) if self.is_request else (after, before)
        for each in fitting:
            misfits = [self._misfits(where, each, other) for other in allowed if _covers_type(other, each)]
            if misfits:
                yield from min(misfits, key=len)
            else:
                kind = each.get("type", "a value of any type")
                yield f"{where}: {kind} is {'refused' if self.is_request else 'possible'} now"
        if self.is_request and isinstance(new, dict) and "oneOf" in resolved(self.new, new):
            unchanged = SchemaComparison(self.old, self.old, is_request=True)
            for each in before:
                if self._matches(each, after) > max(unchanged._matches(each, before), 1):
                    yield f"{where}: {each.get('type')} is refused now, as it matches oneOf more than once"

    def _matches(self, fitting: Schema, allowed: list[Schema]) -> int:
        return sum(_covers_type(each, fitting) and not self._misfits("", fitting, each) for each in allowed)

    def _misfits(self, where: str, fitting: Schema, allowed: Schema) -> list[str]:
        """Return why values of one alternative do not fit into another alternative."""
        old, new = (fitting, allowed) if self.is_request else (allowed, fitting)
        found = [
            f"{where}: {keyword} is {_shown(new, keyword)} now, and was {_shown(old, keyword)}"
            for keyword in (*_exceeded(fitting, allowed), *self._other_limits(fitting, allowed))
        ]
        verb = "is required" if self.is_request else "may be missing"
        required = {*allowed.get("required", ())} - {*fitting.get("required", ())}
        found += [f"{where}: {name} {verb} now" for name in sorted(required)]
        found += self._fields(where, old, new)
        if "items" in old or "items" in new:
            found += self.breaks(f"{where}: item", old.get("items", True), new.get("items", True))
        return found

    def _other_limits(self, fitting: Schema, allowed: Schema) -> Iterator[str]:
        for keyword in ("pattern", "format"):
            if keyword in allowed and not same(fitting, allowed, keyword):
                yield keyword
        values = _values(fitting)
        for keyword in allowed.keys() & {"enum", "const"}:
            may_grow = keyword == "enum" and not self.is_request
            if values is None or not (may_grow or values <= (_values(allowed) or set())):
                yield keyword
        if self.is_request and "default" in fitting and not same(fitting, allowed, "default"):
            yield "default"
        only_adds = self.is_request and _adds_fields_by_pattern(fitting, allowed)
        yield from differing(
            fitting, allowed, known=_COMPARED | {"patternProperties"} if only_adds else _COMPARED
        )
        for keyword in allowed.keys() - _COMPARED - ANNOTATIONS:
            if '"$ref"' in _shown(allowed, keyword):  # No rule here follows this reference.
                yield keyword

    def _fields(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        others, now = old.get("additionalProperties", True), new.get("additionalProperties", True)
        for name, schema in before.items():
            if name not in after:
                yield f"{where}: field {name} is gone"
            else:
                yield from self.breaks(f"{where}: {name}", schema, after[name])
        for name in after.keys() - before.keys():
            if isinstance(others, dict):
                yield from self.breaks(f"{where}: {name}", others, after[name])
        was_open, is_open = bool(alternatives(self.old, others)), bool(alternatives(self.new, now))
        if was_open and not is_open and (self.is_request or "additionalProperties" in old):
            yield f"{where}: other fields are {'refused now' if self.is_request else 'gone'}"
        elif was_open and is_open:
            yield from self.breaks(f"{where}: other field", others, now)


def resolved(document: Schema, node: Schema) -> Schema:
    """Follow the references of an object; keywords beside a reference take precedence."""
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def alternatives(document: Schema, schema: Schema | bool) -> list[Schema]:
    """Return schemas of at most one type, without references and choices, that accept the same values."""
    if isinstance(schema, bool):
        return [{}] if schema else []
    found = [{key: value for key, value in schema.items() if key not in _COMPOSITIONS}]
    parts = [[resolved(document, {"$ref": schema["$ref"]})]] if "$ref" in schema else []
    parts += [[part] for part in schema.get("allOf", ())]
    parts += [schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema]
    for choices in parts:
        flat = [each for choice in choices for each in alternatives(document, choice)]
        found = [_both(first, second) for first in found for second in flat]
    return [one for each in found for one in _by_type(each)]


def differing(old: Schema, new: Schema, *, known: frozenset[str] = frozenset()) -> list[str]:
    """Return the keywords that differ and are neither annotations nor among the known keywords."""
    keywords = sorted((old.keys() | new.keys()) - ANNOTATIONS - known)
    return [key for key in keywords if not key.startswith("x-") and not same(old, new, key)]


def same(old: Schema, new: Schema, keyword: str) -> bool:
    """Return whether a keyword has the same value in both objects or is absent from both."""
    return _shown(old, keyword) == _shown(new, keyword)


def _shown(schema: Schema, keyword: str) -> str:
    return _json(schema[keyword]) if keyword in schema else "absent"


def _json(value: object) -> str:
    # 60 and 60.0 are the same JSON number, and true is not 1.
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS).decode()


def _adds_fields_by_pattern(fitting: Schema, allowed: Schema) -> bool:
    """Return whether all fields whose names match the new patterns were refused by the old schema."""
    patterns = allowed.get("patternProperties", {})
    names = fitting.get("properties", {})
    return (
        "patternProperties" not in fitting
        and fitting.get("additionalProperties") is False
        and not any(re.search(pattern, name) for pattern in patterns for name in names)
    )


def _covers_type(allowed: Schema, fitting: Schema) -> bool:
    kind, given = allowed.get("type"), fitting.get("type")
    return kind is None or kind == given or (kind, given) == ("number", "integer")


def _exceeded(fitting: Schema, allowed: Schema) -> Iterator[str]:
    for keyword, sign in _BOUNDS.items():
        given = [fitting[key] for key in (keyword, _EXCLUSIVE.get(keyword)) if key in fitting]
        if keyword in allowed and not any(sign * bound <= sign * allowed[keyword] for bound in given):
            yield keyword


def _values(schema: Schema) -> set[str] | None:
    """Return the values that `enum` and `const` allow, or None if they limit nothing."""
    lists = [schema[key] if key == "enum" else [schema[key]] for key in ("enum", "const") if key in schema]
    return set.intersection(*({_json(value) for value in each} for each in lists)) if lists else None


def _by_type(schema: Schema) -> list[Schema]:
    """Return one schema per JSON type that a schema allows.

    Null and booleans get no keywords such as `maximum` and `properties`, which do not apply to them.
    """
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    kinds = schema.get("type", sorted(set(map(_type, values))))
    if not kinds and "type" not in schema:
        return [schema]
    found = []
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        unrelated = _LIMITS if kind in {"null", "boolean"} else ()
        one = {key: value for key, value in schema.items() if key not in unrelated} | {"type": kind}
        fitting = [value for value in values if _covers_type(one, {"type": _type(value)})]
        if fitting or not values:
            found.append(one | ({"enum": fitting} if "enum" in one else {}))
    return found


def _type(value: object) -> str:
    return _JSON_TYPES.get(type(value).__name__, "object")


def _both(first: Schema, second: Schema) -> Schema:
    """Return a schema that accepts the values that both schemas accept."""
    combined = {
        key: _BOTH.get(key, _all_of)(first[key], second[key])
        for key in first.keys() & second.keys() - ANNOTATIONS
        if not same(first, second, key)
    }
    return first | second | combined


def _all_of(first: object, second: object) -> object:
    return {"allOf": [first, second]}


def _both_types(first: str | list[str], second: str | list[str]) -> list[str]:
    one, other = ([each] if isinstance(each, str) else each for each in (first, second))
    pairs = (*product(one, other), *product(other, one))
    return sorted({a for a, b in pairs if a == b or (a, b) == ("integer", "number")})


def _both_fields(first: Schema, second: Schema) -> Schema:
    return (
        first | second | {name: _all_of(first[name], second[name]) for name in first.keys() & second.keys()}
    )


#: Maps a keyword to the function that combines two values of the keyword into one value that applies both.
_BOTH: dict[str, Callable[[Any, Any], Any]] = {
    **{keyword: min if sign > 0 else max for keyword, sign in _BOUNDS.items()},
    "type": _both_types,
    "required": lambda first, second: sorted({*first, *second}),
    "properties": _both_fields,
    "enum": lambda first, second: [value for value in first if value in second],
}
