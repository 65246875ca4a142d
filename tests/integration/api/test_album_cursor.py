"""A cursor whose fields a client has changed is refused or read by both catalogs, and never fails."""

import base64
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from redis import Redis

from api.contract.requests.album_cursor import encode
from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog, NamePosition
from common.catalog.supabase import SupabaseCatalog
from common.settings import load_settings
from local.servers.redis import RedisServer
from local.servers.supabase import SupabaseConfig, SupabaseServer
from tests.running_gateway import RunningGateway

BAD_RANKS: tuple[object, ...] = (True, False, 1.0, "1", None, [1], {}, 7, -1, 2**31, 2**63)
REFUSED: list[tuple[object, ...]] = [
    *[(rank, 0, "a", "b") for rank in BAD_RANKS],
    *[
        (1, difference, "a", "b")
        for difference in (True, False, 0.5, "0", None, [0], -2, 1_000_001, 2**31, 2**63)
    ],
    *[(1, 0, name, "b") for name in (1, True, None, ["a"], "a\0")],
    *[(1, 0, "a", album_id) for album_id in (1, True, None, ["b"], "b\0")],
    (1, 0, "a"),
    (1, 0, "a", "b", "c"),
    (),
]
ACCEPTED = [
    (6, 1_000_000, "\U0010ffff" * 300, "'\\\"%"),
    (0, -1, "", ""),
    (4, 0, "\ue000 a\n", "\x01"),
    (3, 5, "a", "b"),
]


@pytest.fixture(params=["postgres", "supabase"])
def real_catalog(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalog of each implementation, on a real database."""
    if request.param == "postgres":
        with closing(PostgresCatalog(database_url, timeout_s=10, connections=2)) as catalog:
            yield catalog
        return
    with (
        SupabaseServer(SupabaseConfig(tmp_path / "postgrest", database_url)) as server,
        closing(SupabaseCatalog(server.url, server.service_key, timeout_s=10, connections=2)) as catalog,
    ):
        yield catalog


def cursor(query: str | None, fields: tuple[object, ...]) -> str:
    """Return the cursor with these fields after the hash of the query."""
    query_hash = orjson.loads(base64.urlsafe_b64decode(encode(NamePosition(), query=query) + "=="))[0]
    return base64.urlsafe_b64encode(orjson.dumps([query_hash, *fields])).decode().rstrip("=")


@pytest.mark.parametrize("query", [None, "album"])
def test_a_cursor_with_changed_fields_never_fails(
    redis: Redis, redis_server: RedisServer, real_catalog: Catalog, query: str | None
) -> None:
    running = RunningGateway(load_settings({"REDIS_URL": redis_server.url, "PORT": "0"}), real_catalog)
    running.start()
    try:
        with running.client() as client:

            def status(fields: tuple[object, ...]) -> int:
                given = {"cursor": cursor(query, fields)} | ({} if query is None else {"q": query})
                return client.get("/api/albums", params=given).status_code

            refused = [(fields, status(fields)) for fields in REFUSED]
            accepted = [(fields, status(fields)) for fields in ACCEPTED]
    finally:
        running.stop()

    assert refused == [(fields, 422) for fields in REFUSED]
    assert accepted == [(fields, 200) for fields in ACCEPTED]
