"""Every tool works through PgBouncer in transaction mode, and leaves PgBouncer's sessions unchanged."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from catalog.database.migrations import apply_migrations, migrations
from common.catalog.postgres_connections import open_connection
from common.errors import CatalogMisconfigured
from local.servers.pgbouncer import PgBouncerServer
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, has_index, rows
from tests.paths import DEMO_MODEL

INGEST = ("ingest", "albums.csv", "--covers", "covers")
#: The number of PostgreSQL sessions that PgBouncer keeps for each database.
SESSIONS = 2


@pytest.fixture
def bare_pooled_url(bare_database_url: str, pgbouncer_server: PgBouncerServer) -> str:
    return pgbouncer_server.url(bare_database_url.rpartition("/")[2])


def traces(pooled_url: str) -> list[tuple[object, ...]]:
    """Return settings, statements, locks and tables that earlier clients left in PgBouncer's sessions."""
    found: list[tuple[object, ...]] = []
    with ExitStack() as stack:
        # Concurrent transactions use different sessions.
        for _ in range(SESSIONS):
            connection = stack.enter_context(psycopg.connect(pooled_url, prepare_threshold=None))
            found += connection.execute(
                # `application_name` is left out, because PgBouncer itself sets it.
                "SELECT name, setting FROM pg_settings "
                "WHERE source = 'session' AND name <> 'application_name' "
                "UNION ALL SELECT 'prepared', statement FROM pg_prepared_statements "
                "UNION ALL SELECT 'lock', objid::text FROM pg_locks WHERE locktype = 'advisory' "
                "UNION ALL SELECT 'temporary', relname FROM pg_class WHERE relpersistence = 't'"
            ).fetchall()
    return found


def test_a_catalog_is_created_maintained_and_reembedded_through_a_pooler(
    catalog: Catalog, workdir: Path, bare_pooled_url: str, bare_database_url: str
) -> None:
    pooled = {"DATABASE_URL": bare_pooled_url}
    moved = pooled | {"ENCODER": "openvino", "CLIP_MODEL": str(DEMO_MODEL)}

    done = [
        catalog("migrate", **pooled),
        catalog("migrate", **pooled),
        catalog(*INGEST, **pooled),
        catalog(*INGEST, **pooled),
        catalog("export", "out.jsonl", "--embeddings", **pooled),
        catalog("stats", **pooled),
        catalog("verify", "--covers", "covers", **pooled),
        catalog("reembed", "--model", str(DEMO_MODEL), "--covers", "covers", **pooled, ENCODER="openvino"),
        catalog("verify", "--model", str(DEMO_MODEL), **pooled),
        catalog("delete", "demo-1967-00001", **pooled),
        catalog("demo", "--albums", "4", COVERS_DIR=str(workdir / "drawn"), **moved),
    ]

    assert [(step.status, step.err) for step in done if step.status] == []
    assert f"0 written, {ALBUMS} unchanged" in done[3].err
    assert len((workdir / "out.jsonl").read_text().splitlines()) == ALBUMS
    assert len(rows(bare_database_url)) == 4
    assert has_index(bare_database_url)
    assert traces(bare_pooled_url) == []


def test_concurrent_migrations_apply_every_file_once(bare_pooled_url: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        applied = list(threads.map(apply_migrations, [bare_pooled_url] * 2))

    assert sorted(map(len, applied)) == [0, len(migrations())]


def test_a_failed_migration_leaves_no_trace_in_pooled_sessions(
    bare_pooled_url: str, bare_database_url: str
) -> None:
    with psycopg.connect(bare_database_url) as connection:
        connection.execute("CREATE TABLE catalog_model (only_row int)")

    with pytest.raises(psycopg.Error):
        apply_migrations(bare_pooled_url)

    assert traces(bare_pooled_url) == []


def test_options_that_a_pooler_refuses_are_named(catalog: Catalog, pooled_url: str) -> None:
    done = catalog("stats", DATABASE_URL=f"{pooled_url}?options=-c%20work_mem%3D1MB")

    assert done.status == 2
    assert "unsupported startup parameter" in done.err


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (("postgres.", "other."), "bad_key"),
        (("@127", "x@127"), "bad_key"),
        (("/test_", "/no_"), "wrong_database"),
    ],
)
def test_errors_of_a_pooler_for_wrong_urls_are_distinguished(
    pooled_url: str, changed: tuple[str, str], problem: str
) -> None:
    with pytest.raises(CatalogMisconfigured) as refused:
        open_connection(pooled_url.replace(*changed))

    assert refused.value.problem == problem
