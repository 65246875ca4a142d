"""Tests of the maintenance commands: export, delete, stats, verify, migrate and demo."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psycopg
import pytest
from pyarrow import parquet

from common.redis import keyspace
from common.redis.clients import open_redis
from local.servers.supabase import SupabaseConfig, SupabaseServer
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, rows
from tests.paths import DEMO_MODEL

INGEST = ("ingest", "albums.csv", "--covers", "covers")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_ingesting_an_export_changes_nothing(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, suffix: str
) -> None:
    catalog(*INGEST)

    exported = catalog("export", f"out.{suffix}")
    done = catalog("ingest", f"out.{suffix}", "--covers", "covers")

    assert exported.status == 0, exported.err
    assert f"0 written, {ALBUMS} unchanged" in done.err
    assert not list(workdir.glob(".*.part"))


def test_an_export_of_several_pages_has_every_album_and_vector(
    catalog: Catalog, workdir: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.writer.protocol.PAGE", 7)
    catalog(*INGEST)

    catalog("export", "out.jsonl", "--embeddings")

    exported = [json.loads(line) for line in (workdir / "out.jsonl").read_text().splitlines()]
    stored = rows(database_url)
    assert {album["id"] for album in exported} == set(stored)
    for album in exported:
        assert np.allclose(album["embedding"], orjson.loads(stored[album["id"]]["embedding"]))


def test_deleted_albums_are_gone_and_unknown_ids_are_named(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    (workdir / "ids.txt").write_text("\ufeffdemo-1967-00002\n\nno-such-album\n")
    with open_redis(catalog_settings["REDIS_URL"]) as redis:
        version = redis.get(keyspace.CATALOG_VERSION)

        done = catalog("delete", "demo-1967-00001", "--from-file", "ids.txt")

        assert redis.get(keyspace.CATALOG_VERSION) != version
    assert done.status == 1
    assert "2 deleted" in done.err
    assert "no-such-album" in done.err
    assert len(rows(database_url)) == ALBUMS - 2


def test_stats_show_the_figures_of_the_catalog(catalog: Catalog, catalog_settings: Mapping[str, str]) -> None:
    catalog(*INGEST)

    document = json.loads(catalog("stats", "--json").out)

    assert document["total_albums"] == ALBUMS
    assert sum(genre["count"] for genre in document["genres"]) == ALBUMS
    assert document["model"]["model"] == "fixed-latency"
    assert "fixed-latency" in catalog("stats").out


def test_a_complete_catalog_passes_every_check(catalog: Catalog, catalog_settings: Mapping[str, str]) -> None:
    catalog(*INGEST)

    done = catalog("verify", "--covers", "covers", "--json")

    checks = {check["name"]: check for check in json.loads(done.out)}
    assert [name for name, check in checks.items() if not check["holds"]] == []
    assert done.status == 0
    assert {"schema", "model", "unit length", "index", "index usable", "searches"} <= checks.keys()
    assert checks["searches"]["seen"] == f"exact scans of {ALBUMS} albums"


def test_verify_reports_another_preprocessing_with_a_remedy(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE catalog_model SET preprocessing = 1")

    verified, stats = catalog("verify", "--json"), catalog("stats", "--json")

    checks = {check["name"]: check for check in json.loads(verified.out)}
    assert verified.status == 1
    assert [name for name, check in checks.items() if not check["holds"]] == ["preprocessing"]
    assert "python -m catalog reembed --model fixed-latency" in checks["preprocessing"]["seen"]
    assert json.loads(stats.out)["model"]["preprocessing"] == 1
    assert "python -m catalog reembed" in " ".join(catalog("stats").out.split())


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("UPDATE album_covers SET embedding = NULL WHERE id LIKE '%7'", "embeddings"),
        ("UPDATE album_covers SET embedding = embedding + embedding WHERE id LIKE '%7'", "unit length"),
        ("UPDATE album_covers SET artist = NULL WHERE id LIKE '%7'", "names"),
        ("DROP INDEX album_covers_embedding_hnsw", "index"),
        ("UPDATE catalog_model SET model = NULL, fingerprint = NULL", "model"),
        ("UPDATE album_covers SET cover_source = 'lost.jpg' WHERE id LIKE '%7'", "cover files"),
        ("DELETE FROM album_covers WHERE id LIKE '%7'", "orphaned files"),
        (
            """DROP INDEX album_covers_embedding_hnsw;
               CREATE INDEX album_covers_embedding_hnsw ON album_covers
                 USING hnsw (embedding vector_l2_ops)""",
            "index usable",
        ),
    ],
)
def test_each_fault_fails_its_check(catalog: Catalog, database_url: str, damage: str, check: str) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute(damage.encode())

    done = catalog("verify", "--covers", "covers", "--json")

    assert done.status == 1
    assert check in {c["name"] for c in json.loads(done.out) if not c["holds"]}


@pytest.mark.parametrize(
    ("damage", "holds"), [("SELECT", True), ("DROP INDEX album_covers_embedding_hnsw", False)]
)
def test_a_missing_index_fails_only_a_catalog_that_needs_it(
    catalog: Catalog, database_url: str, damage: str, holds: bool
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(damage.encode())
        small = searches_check(catalog)
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET cover_search.exact_up_to = 0'.encode())

    large = searches_check(catalog)

    assert small["holds"]
    assert large["holds"] is holds
    assert "index scan" in large["seen"]


def searches_check(catalog: Catalog) -> dict[str, Any]:
    checks = {check["name"]: check for check in json.loads(catalog("verify", "--json").out)}
    return dict(checks["searches"])


def test_vectors_of_another_model_fail_the_model_check(catalog: Catalog) -> None:
    catalog(*INGEST)

    done = catalog("verify", "--model", str(DEMO_MODEL), "--json")

    assert done.status == 1
    assert [c["name"] for c in json.loads(done.out) if not c["holds"]] == ["model"]


def test_an_export_keeps_numbers_of_metadata_that_python_would_change(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    numbers = f'{{"large": {10**400}, "long": 12345678901234567890123, "precise": 0.10000000000000000000001}}'
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET metadata = %s", [numbers])

    done = [catalog("export", f"out.{suffix}") for suffix in ("csv", "jsonl", "parquet")]

    assert [each.status for each in done] == [0, 0, 0], done
    with psycopg.connect(database_url) as connection:
        (stored,) = connection.execute("SELECT DISTINCT metadata::text FROM album_covers").fetchall()
    with (workdir / "out.csv").open(newline="") as file:
        assert {row["metadata"] for row in csv.DictReader(file)} == set(stored)
    lines = (workdir / "out.jsonl").read_text().splitlines()
    assert all(f'"metadata":{stored[0]}' in line for line in lines)
    assert set(parquet.read_table(workdir / "out.parquet")["metadata"].to_pylist()) == set(stored)


@pytest.mark.parametrize("command", [("stats",), ("export", "all.csv"), ("delete", "none"), INGEST])
def test_every_tool_warns_about_a_row_limit(
    catalog: Catalog, database_url: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with SupabaseServer(SupabaseConfig(tmp_path / "postgrest", database_url, max_rows=5)) as server:
        reach = {"DATABASE_URL": "", "SUPABASE_URL": server.url, "SUPABASE_KEY": server.service_key}

        done = catalog(*command, **reach)

    assert done.status in {0, 1}
    assert "warning: rows_capped" in done.err
    assert "db-max-rows" in done.err


def test_the_error_for_a_missing_schema_names_the_remedy(catalog: Catalog, bare_database_url: str) -> None:
    done = catalog("verify", DATABASE_URL=bare_database_url)

    assert done.status == 2
    assert "python -m catalog migrate" in done.err


def test_migrate_prepares_a_database_for_an_ingest(catalog: Catalog, bare_database_url: str) -> None:
    migrated = catalog("migrate", DATABASE_URL=bare_database_url)
    again = catalog("migrate", DATABASE_URL=bare_database_url)

    assert migrated.status == again.status == 0
    assert "up to date" in again.err
    assert catalog(*INGEST, DATABASE_URL=bare_database_url).status == 0


def test_the_demo_is_loaded_once(catalog: Catalog, workdir: Path, database_url: str) -> None:
    demo = {"COVERS_DIR": str(workdir / "drawn"), "CLIP_MODEL": str(DEMO_MODEL), "ENCODER": "openvino"}

    first = catalog("demo", "--albums", "6", **demo)
    before = rows(database_url)
    second = catalog("demo", "--albums", "6", **demo)

    assert first.status == second.status == 0, first.err + second.err
    assert "already" in second.err
    assert len(before) == 6
    assert rows(database_url) == before


@pytest.mark.parametrize("other", ["mine", "demo-1968-00001", "demo-1967-00001-b", "a\ndemo-1967-00001"])
def test_the_demo_deletes_no_albums_of_others(
    catalog: Catalog, workdir: Path, database_url: str, other: str
) -> None:
    with psycopg.connect(database_url) as connection:
        for album in (other, "demo-1967-00001"):
            connection.execute(
                "INSERT INTO album_covers (id, artist, album_name) VALUES (%s, 'a', 'b')", (album,)
            )
    before = rows(database_url)

    done = catalog("demo", "--albums", "2", COVERS_DIR=str(workdir / "drawn"), CLIP_MODEL=str(DEMO_MODEL))

    assert done.status == 2
    assert "contains 1 album(s) that do not belong to the demo" in " ".join(done.err.split())
    assert rows(database_url) == before


def test_a_command_names_a_missing_setting(catalog: Catalog) -> None:
    done = catalog("migrate", DATABASE_URL="")

    assert done.status == 2
    assert "DATABASE_URL" in done.err


@pytest.mark.parametrize("score", ["NaN", "Infinity", "1e400"])
def test_a_score_that_json_cannot_express_is_exported_as_missing(
    catalog: Catalog, workdir: Path, database_url: str, score: str
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET pitchfork_score = %s::numeric", [score])

    done = catalog("export", "out.jsonl")

    assert done.status == 0, done.err
    exported = [json.loads(line) for line in (workdir / "out.jsonl").read_text().splitlines()]
    assert [album["pitchfork_score"] for album in exported] == [None] * ALBUMS
