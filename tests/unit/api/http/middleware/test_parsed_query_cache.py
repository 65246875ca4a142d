"""A repeated query string is answered from the cache without routing, and other requests are routed."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.http.middleware.parsed_query_cache import (
    REMEMBERED_BYTES,
    REMEMBERED_MAX,
    RepeatedQueries,
    RepeatedQueriesMiddleware,
)
from common.errors import QueueUnavailable
from common.search_query import SearchQuery, TextPart

QUERY = SearchQuery((TextPart("red guitar"),))


def request(
    query_string: bytes = b"query=red+guitar",
    *,
    path: str = "/api/search-by-text",
    method: str = "GET",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    **more: Any,
) -> Scope:
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode()}
    return {**scope, "query_string": query_string, "headers": headers, **more}


@pytest.fixture
def queries() -> RepeatedQueries:
    queries = RepeatedQueries()
    queries.remember(request(), QUERY)
    return queries


def test_the_same_bytes_mean_the_same_query(queries: RepeatedQueries) -> None:
    assert queries.recall(request()) == QUERY


@pytest.mark.parametrize(
    "other",
    [
        request(b"query=red%20guitar"),
        request(path="/api/search-by-texts"),
        request(method="POST"),
        request(method="HEAD"),
        request(headers=((b"prefer", b"respond-async"),)),
        request(headers=((b"idempotency-key", b"abc"),)),
        request(type="websocket"),
    ],
    ids=["other bytes", "other path", "POST", "HEAD", "Prefer", "Idempotency-Key", "not HTTP"],
)
def test_any_other_request_uses_the_routes(queries: RepeatedQueries, other: Scope) -> None:
    assert queries.recall(other) is None


def test_other_headers_change_nothing(queries: RepeatedQueries) -> None:
    assert queries.recall(request(headers=((b"accept", b"*/*"), (b"if-none-match", b'"x"')))) == QUERY


def test_long_query_strings_are_not_cached(queries: RepeatedQueries) -> None:
    long = request(b"query=" + b"a" * REMEMBERED_BYTES)

    queries.remember(long, QUERY)

    assert queries.recall(long) is None


def test_the_oldest_query_is_evicted_at_the_limit(queries: RepeatedQueries) -> None:
    for number in range(REMEMBERED_MAX):
        queries.remember(request(b"query=%d" % number), QUERY)

    assert queries.recall(request()) is None
    assert queries.recall(request(b"query=0")) == QUERY


class Routes:
    """The application behind the middleware, which counts its requests."""

    def __init__(self) -> None:
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        await Response("routed")(scope, receive, send)


def ask(scope: Scope, queries: RepeatedQueries, cached: Response | Exception | None) -> tuple[bytes, int]:
    """Return the body of the answer, and the number of requests that reached the routes."""
    sent: list[Message] = []
    routes = Routes()

    async def cached_response(_scope: Scope, query: SearchQuery, _tags: list[str]) -> Response | None:
        assert query == QUERY
        if isinstance(cached, Exception):
            raise cached
        return cached

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    app = SimpleNamespace(state=SimpleNamespace(gateway=SimpleNamespace(repeated_queries=queries)))
    middleware = RepeatedQueriesMiddleware(routes, cached_response=cached_response)
    asyncio.run(middleware({**scope, "app": app}, receive, send))
    return b"".join(message.get("body", b"") for message in sent), routes.requests


def test_a_cached_answer_skips_the_routes(queries: RepeatedQueries) -> None:
    assert ask(request(), queries, Response("cached")) == (b"cached", 0)


@pytest.mark.parametrize(
    "cached", [None, QueueUnavailable("Redis does not answer")], ids=["none", "an error"]
)
def test_without_a_cached_answer_the_routes_answer(
    queries: RepeatedQueries, cached: Exception | None
) -> None:
    assert ask(request(), queries, cached) == (b"routed", 1)


def test_an_unknown_query_string_reaches_the_routes(queries: RepeatedQueries) -> None:
    assert ask(request(b"query=new"), queries, Response("cached")) == (b"routed", 1)
