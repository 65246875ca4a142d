"""Answers repeated queries from the cache in front of routing.

A query string means the same each time it is sent: what the route made of it is remembered by its bytes, and
a plain GET with the same bytes costs one lookup in the cache. Reading it anew would cost a third of a cached
answer's time. Requests that say more (`Prefer`, `Idempotency-Key`) and those that the cache cannot answer
take the ordinary way. The layer stands behind authentication, charging and request ids.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from common.errors import CoverSearchError
from common.queries import SearchQuery

#: Longer requests are read each time: what is remembered must stay small.
REMEMBERED_BYTES = 1024
REMEMBERED_MAX = 4096
_SAYS_MORE = frozenset({b"prefer", b"idempotency-key"})

#: Returns the cached answer of a query to a request with these `If-None-Match` headers; None without one.
CachedResponse: TypeAlias = Callable[[Scope, SearchQuery, list[str]], Awaitable[Response | None]]


class RepeatedQueries:
    """The queries of the requests that were read last, by path and query string."""

    def __init__(self) -> None:
        self._queries: dict[tuple[bytes, bytes], SearchQuery] = {}

    def remember(self, scope: Scope, query: SearchQuery) -> None:
        """Remember what a request means; the oldest is forgotten where there are too many."""
        name = _name(scope)
        if sum(map(len, name)) > REMEMBERED_BYTES or name in self._queries:
            return
        if len(self._queries) >= REMEMBERED_MAX:
            del self._queries[next(iter(self._queries))]
        self._queries[name] = query

    def recall(self, scope: Scope) -> SearchQuery | None:
        """Return what a request means, None where it has not been read lately or says more."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        query = self._queries.get(_name(scope))
        if query is None or any(name in _SAYS_MORE for name, _ in scope["headers"]):
            return None
        return query


class RepeatedQueriesMiddleware:
    """Answers from the cache what it can, and passes on the rest."""

    def __init__(self, app: ASGIApp, *, cached_response: CachedResponse) -> None:
        self._app = app
        self._cached_response = cached_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(scope)
        await (response or self._app)(scope, receive, send)

    async def _response(self, scope: Scope) -> Response | None:
        if scope["type"] != "http":
            return None
        query = scope["app"].state.gateway.repeated_queries.recall(scope)
        if query is None:
            return None
        if_none_match = [
            value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"
        ]
        try:
            return await self._cached_response(scope, query, if_none_match)
        except CoverSearchError:
            # The route says it as a problem.
            return None


def _name(scope: Scope) -> tuple[bytes, bytes]:
    return scope["raw_path"], scope["query_string"]
