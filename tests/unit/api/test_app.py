"""The application is built completely before it serves requests."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from api.access.middleware import AccessMiddleware
from api.app import create_app
from api.http.middleware.parsed_query_cache import RepeatedQueriesMiddleware
from api.http.middleware.request_context import RequestContext
from common.settings import load_settings


def test_response_models_are_built_before_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(load_settings({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}))
    built: list[object] = []
    build: Callable[..., None] = TypeAdapter.__init__

    def noted(self: Any, *arguments: Any, **options: Any) -> None:
        built.append(arguments)
        build(self, *arguments, **options)

    monkeypatch.setattr(TypeAdapter, "__init__", noted)
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(scope)

    assert built == []


def test_repeated_queries_still_pass_authentication_and_get_request_ids() -> None:
    settings = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "AUTH": "required"}
    app = create_app(load_settings(settings))

    outermost_first: list[object] = [middleware.cls for middleware in app.user_middleware]

    assert outermost_first[0] is RequestContext
    assert outermost_first[-2:] == [AccessMiddleware, RepeatedQueriesMiddleware]
