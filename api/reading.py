"""What a search request says beside its query: who asks, how patiently, and what it already has."""

import re

from fastapi import Request

from api.admission import client_of, max_jobs_of, own_key, owner_of
from api.parameters import IDEMPOTENCY_KEY_PATTERN
from api.preferences import decide_patience
from api.receiving import Body
from api.refusals import InvalidRequest
from api.submission import Search
from common.errors import InvalidParameter
from common.queries import SearchQuery

IDEMPOTENCY_KEY = re.compile(IDEMPOTENCY_KEY_PATTERN)

_HEADERS = frozenset({b"prefer", b"if-none-match", b"idempotency-key"})


def read_search(
    request: Request,
    query: SearchQuery,
    *,
    wait_s: float | None,
    default_wait_s: float,
    body: Body | None = None,
) -> Search:
    """Return the search that a request asks for.

    Raises:
        InvalidRequest: the Idempotency-Key is none.
    """
    headers = _wanted_headers(request)
    is_get = request.method == "GET"
    if_none_match = ",".join(headers.get(b"if-none-match", ())) or None
    return Search(
        query=query,
        owner=owner_of(request),
        max_jobs=max_jobs_of(request),
        client=client_of(request) if body is not None else "",
        patience=decide_patience(headers.get(b"prefer", ()), parameter_s=wait_s, default_s=default_wait_s),
        body=body,
        idempotency_key=_idempotency_key(request, headers.get(b"idempotency-key", ())),
        tagged=is_get,
        if_none_match=if_none_match if is_get else None,
    )


def preferences_of(request: Request) -> list[str]:
    """Return the `Prefer` headers of a request."""
    return _wanted_headers(request).get(b"prefer", [])


def _wanted_headers(request: Request) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for name, value in request.scope["headers"]:
        if name in _HEADERS:
            found.setdefault(name, []).append(value.decode("latin-1"))
    return found


def _idempotency_key(request: Request, given: "list[str] | tuple[()]") -> str | None:
    if not given:
        return None
    if len(given) > 1 or not IDEMPOTENCY_KEY.fullmatch(given[0]):
        raise InvalidRequest(
            [
                InvalidParameter(
                    "an Idempotency-Key is one header of 1 to 255 visible ASCII characters",
                    parameter="Idempotency-Key",
                )
            ]
        )
    return own_key(request, given[0])
