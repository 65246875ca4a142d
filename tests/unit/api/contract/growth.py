"""Find changes between two OpenAPI documents that break clients, because the HTTP API may only grow.

Every request that was accepted must stay accepted. Every promised part of a response must still exist with
the same type. New endpoints, optional parameters, response fields, error codes and statuses are allowed. A
changed keyword that has no rule here counts as a break.
"""

from collections.abc import Iterator
from typing import Any

from tests.unit.api.contract.schema_growth import SchemaComparison, differing, resolved

Node = dict[str, Any]

_DOCUMENT = frozenset({"openapi", "info", "tags", "paths", "components", "security"})
_PATH = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace", "parameters"})
_OPERATION = frozenset({"tags", "operationId", "parameters", "requestBody", "responses", "security"})
_CONTENT = frozenset({"schema", "content", "required", "name", "in", "headers"})


def breaks(old: Node, new: Node) -> list[str]:
    """Return one sentence for each change that breaks a client of the old document."""
    return list(dict.fromkeys(_Comparison(old, new).document()))


class _Comparison:
    def __init__(self, old: Node, new: Node) -> None:
        self._old, self._new = old, new
        self._request = SchemaComparison(old, new, is_request=True)
        self._response = SchemaComparison(old, new, is_request=False)

    def document(self) -> Iterator[str]:
        yield from _changed("the document", self._old, self._new, known=_DOCUMENT)
        for path, before in self._old["paths"].items():
            after = self._new["paths"].get(path, {})
            yield from _changed(path, before, after, known=_PATH)
            for method in before.keys() & _PATH - {"parameters"}:
                where = f"{method.upper()} {path}"
                if method in after:
                    yield from self._operation(where, before, after, method=method)
                else:
                    yield f"{where} is gone"

    def _operation(self, where: str, before: Node, after: Node, *, method: str) -> Iterator[str]:
        old, new = before[method], after[method]
        yield from _changed(where, old, new, known=_OPERATION)
        yield from self._security(where, old, new)
        yield from self._parameters(
            where, _parameters(self._old, before, old), _parameters(self._new, after, new)
        )
        bodies = [
            resolved(document, operation.get("requestBody", {}))
            for document, operation in ((self._old, old), (self._new, new))
        ]
        if bodies[1].get("required") and not bodies[0].get("required"):
            yield f"{where}: a body is required now"
        yield from self._content(f"{where}: body", *bodies, schemas=self._request)
        yield from self._responses(where, old["responses"], new["responses"])

    def _security(self, where: str, old: Node, new: Node) -> Iterator[str]:
        """Report each set of credentials that was enough and is not enough now."""
        before, after = (
            operation.get("security", document.get("security", [])) or [{}]
            for document, operation in ((self._old, old), (self._new, new))
        )
        for credentials in before:
            if not any(_suffices(credentials, needed) for needed in after):
                names = ", ".join(sorted(credentials)) or "no credentials"
                yield f"{where}: {names} no longer suffices"
        for name in sorted({name for credentials in before for name in credentials}):
            schemes = (
                resolved(document, document.get("components", {}).get("securitySchemes", {}).get(name, {}))
                for document in (self._old, self._new)
            )
            yield from _changed(f"security scheme {name}", *schemes)

    def _parameters(self, where: str, before: dict[Any, Node], after: dict[Any, Node]) -> Iterator[str]:
        for key, new in after.items():
            if new.get("required") and not before.get(key, {}).get("required"):
                yield f"{where}: {key[0]} parameter {key[1]} is required now"
        for key, old in before.items():
            if key in after:
                yield from self._value(
                    f"{where}: {key[0]} parameter {key[1]}", old, after[key], schemas=self._request
                )
            else:
                yield f"{where}: {key[0]} parameter {key[1]} is gone"

    def _responses(self, where: str, before: Node, after: Node) -> Iterator[str]:
        for status, response in before.items():
            name = f"{where}: response {status}"
            if status not in after:
                yield f"{name} is gone"
                continue
            old, new = resolved(self._old, response), resolved(self._new, after[status])
            yield from self._headers(name, old.get("headers", {}), new.get("headers", {}))
            yield from self._content(name, old, new, schemas=self._response)

    def _headers(self, where: str, before: Node, after: Node) -> Iterator[str]:
        found = {name.lower(): header for name, header in after.items()}
        for name, header in before.items():
            if name.lower() not in found:
                yield f"{where}: header {name} is gone"
                continue
            old, new = resolved(self._old, header), resolved(self._new, found[name.lower()])
            if old.get("required") and not new.get("required"):
                yield f"{where}: header {name} may be missing now"
            yield from self._value(f"{where}: header {name}", old, new, schemas=self._response)

    def _value(self, where: str, old: Node, new: Node, *, schemas: SchemaComparison) -> Iterator[str]:
        """Compare two parameters, headers or media types."""
        yield from schemas.breaks(where, old.get("schema", True), new.get("schema", True))
        yield from self._content(where, old, new, schemas=schemas)

    def _content(self, where: str, old: Node, new: Node, *, schemas: SchemaComparison) -> Iterator[str]:
        yield from _changed(where, old, new, known=_CONTENT)
        after = new.get("content", {})
        for media_type, content in old.get("content", {}).items():
            wider = [f"{media_type.partition('/')[0]}/*", "*/*"] if schemas.is_request else []
            found = [after[each] for each in (media_type, *wider) if each in after]
            if found:
                yield from self._value(f"{where}: {media_type}", content, found[0], schemas=schemas)
            else:
                yield f"{where}: {media_type} is gone"


def _changed(where: str, old: Node, new: Node, *, known: frozenset[str] = frozenset()) -> Iterator[str]:
    for keyword in differing(old, new, known=known):
        yield f"{where}: {keyword} has changed"


def _suffices(credentials: Node, needed: Node) -> bool:
    """Return whether credentials with these scopes include the needed schemes and scopes."""
    return all(name in credentials and {*scopes} <= {*credentials[name]} for name, scopes in needed.items())


def _parameters(document: Node, path: Node, operation: Node) -> dict[tuple[str, str], Node]:
    """Return the parameters by place and name; the names of headers ignore case."""
    listed = [
        resolved(document, each) for each in (*path.get("parameters", ()), *operation.get("parameters", ()))
    ]
    return {
        (each["in"], each["name"].lower() if each["in"] == "header" else each["name"]): each
        for each in listed
    }
