import pytest
from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.http.middleware.path_prefix import FIRST_SEGMENTS, PathPrefix
from common.errors import SettingsError
from common.settings import load_settings
from tests.unit.api.contract.openapi.test_document import DOCUMENT

CATALOG = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}


async def path_behind(prefix: str, raw_path: str) -> tuple[str, bytes]:
    """Return the path and the raw path that the application behind the middleware receives."""
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    scope = {"type": "http", "path": "of the whole", "raw_path": raw_path.encode()}
    await PathPrefix(app, prefix=prefix)(scope, None, None)  # type: ignore[arg-type]
    return seen[0]["path"], seen[0]["raw_path"]


@pytest.mark.parametrize(
    ("prefix", "raw_path", "path", "raw_path_behind"),
    [
        ("/music", "/music/api/genres", "/api/genres", b"/api/genres"),
        ("/music", "/music/api/albums/a%2Fb%20c", "/api/albums/a/b c", b"/api/albums/a%2Fb%20c"),
        ("/music", "/music/", "/", b"/"),
        ("/music", "/music", "/", b"/"),
        ("/music", "/%6Dusic/health", "/health", b"/health"),
        ("/music/search", "/music/search/docs", "/docs", b"/docs"),
        ("/music", "/music/music/docs", "/music/docs", b"/music/docs"),
    ],
)
async def test_the_prefix_is_removed_from_the_path(
    prefix: str, raw_path: str, path: str, raw_path_behind: bytes
) -> None:
    assert await path_behind(prefix, raw_path) == (path, raw_path_behind)


@pytest.mark.parametrize(
    ("prefix", "raw_path"),
    [
        ("/music", "/api/genres"),
        ("/music", "/musical/api/genres"),
        ("/music", "/music%2Fapi/genres"),
        ("/music", "//music/api/genres"),
        ("/music/search", "/music%2Fsearch/docs"),
        ("/music/search", "/music/docs"),
    ],
)
async def test_a_path_without_the_prefix_is_unchanged(prefix: str, raw_path: str) -> None:
    assert await path_behind(prefix, raw_path) == ("of the whole", raw_path.encode())


@pytest.mark.parametrize("first", sorted(FIRST_SEGMENTS))
def test_a_prefix_equal_to_a_route_of_the_service_is_refused_at_startup(first: str) -> None:
    settings = load_settings({**CATALOG, "PUBLIC_URL": f"https://example.org/{first}/more"})

    with pytest.raises(SettingsError, match="PUBLIC_URL: its path begins with /"):
        create_app(settings)


def test_every_route_is_in_the_list_of_reserved_prefixes() -> None:
    assert {path.split("/")[1] for path in DOCUMENT["paths"]} - {""} <= FIRST_SEGMENTS
