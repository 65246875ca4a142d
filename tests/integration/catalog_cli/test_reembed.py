"""A catalog moves to another model in one step, so that a search uses only old or only new vectors."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psycopg
import pytest

from catalog.reembedding.shadow_table import prepare
from catalog.writer.album_row import palette_columns
from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Matches, ModelStamp
from common.errors import CoverSearchError, ModelMismatch
from common.filters import Filters
from common.redis import keyspace
from common.redis.clients import open_redis
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, has_index, rows
from tests.integration.catalog_cli.test_killed_ingest import wait_for
from tests.integration.catalog_cli.test_prints import prints
from tests.paths import DEMO_MODEL
from tests.polling import eventually
from worker.encoder.model_files import find_model
from worker.encoder.stand_in_encoder import FixedLatencyEncoder
from worker.retries import retry_transient

INGEST = ("ingest", "albums.csv", "--covers", "covers")
REEMBED = ("reembed", "--model", str(DEMO_MODEL), "--covers", "covers")
NEW = {"ENCODER": "openvino"}
OLD_FINGERPRINT = FixedLatencyEncoder.model_fingerprint


@pytest.fixture(scope="session")
def export_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("exports"))


@pytest.fixture
def catalog_with_cache(catalog: Catalog, export_cache: str) -> Catalog:
    return lambda *arguments, **changes: catalog(*arguments, MODEL_CACHE_DIR=export_cache, **changes)


def vector(row: dict[str, object]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(orjson.loads(str(row["embedding"])), dtype=np.float32)


def without_computed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the columns that depend on the model's input."""
    return {name: value for name, value in row.items() if name not in {"embedding", *palette_columns(None)}}


def leftovers(database_url: str) -> list[str]:
    """Return the temporary objects that a move to another model has left in the database."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE '%next%' OR relname = 'catalog_reembedding' "
            "UNION ALL SELECT proname FROM pg_proc WHERE proname = 'forget_next'"
        )
        return [str(row[0]) for row in found]


def test_reembedding_changes_only_the_vectors_and_palettes(
    catalog_with_cache: Catalog, environ: dict[str, str], database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    before = rows(database_url)

    done = catalog_with_cache(*REEMBED, **NEW)

    assert done.status == 0, done.err
    after = rows(database_url)
    assert after.keys() == before.keys()
    for album_id, row in after.items():
        assert row["embedding"] != before[album_id]["embedding"]
        assert without_computed(row) == without_computed(before[album_id])
    checks = catalog_with_cache("verify", "--model", str(DEMO_MODEL))
    assert checks.status == 0, checks.out
    assert leftovers(database_url) == []
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET artist = 'Renamed'")
        names = connection.execute("SELECT DISTINCT artist_key FROM album_names").fetchall()
    assert names == [("renamed",)]
    with open_redis(environ["REDIS_URL"]) as redis:
        assert redis.get(keyspace.CATALOG_MODEL) == find_model(str(DEMO_MODEL)).fingerprint.encode()
    unchanged = catalog_with_cache(*INGEST, ENCODER="openvino", CLIP_MODEL=str(DEMO_MODEL))
    assert f"0 written, {ALBUMS} unchanged" in unchanged.err


def test_reembedding_keeps_the_prints(catalog_with_cache: Catalog, database_url: str) -> None:
    catalog_with_cache(*INGEST)
    before = prints(database_url)

    done = catalog_with_cache(*REEMBED, **NEW)
    deleted = min(before)
    catalog_with_cache("delete", deleted)

    assert done.status == 0, done.err
    assert len(before) == ALBUMS
    assert prints(database_url) == {i: found for i, found in before.items() if i != deleted}
    assert catalog_with_cache("verify").status == 0


def test_reembedding_makes_the_palettes_of_an_ingest_with_the_new_model(
    catalog_with_cache: Catalog, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE album_covers SET palette = NULL, palette_version = NULL WHERE id LIKE '%7'"
        )

    catalog_with_cache(*REEMBED, **NEW)

    moved = {album_id: row["palette"] for album_id, row in rows(database_url).items()}
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET palette = NULL, palette_version = NULL")
    catalog_with_cache("palettes", "--covers", "covers", CLIP_MODEL=str(DEMO_MODEL), **NEW)
    assert moved == {album_id: row["palette"] for album_id, row in rows(database_url).items()}
    assert None not in moved.values()


def test_reembedding_a_current_catalog_does_nothing(catalog_with_cache: Catalog, database_url: str) -> None:
    catalog_with_cache(*INGEST)
    catalog_with_cache(*REEMBED, **NEW)
    before = rows(database_url)

    done = catalog_with_cache(*REEMBED, **NEW)

    assert done.status == 0
    assert "already" in done.err
    assert rows(database_url) == before


def test_a_new_preprocessing_version_reembeds_with_the_same_model(
    catalog_with_cache: Catalog, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    before = rows(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE catalog_model SET preprocessing = 1")
        # The changed embeddings show which albums are embedded again.
        connection.execute("UPDATE album_covers SET embedding = embedding + embedding")

    done = catalog_with_cache("reembed", "--model", "fixed-latency", "--covers", "covers")

    assert done.status == 0, done.err
    assert {i: row["embedding"] for i, row in rows(database_url).items()} == {
        i: row["embedding"] for i, row in before.items()
    }
    assert catalog_with_cache("verify").status == 0


def test_a_copy_started_by_an_earlier_release_is_restarted(
    catalog_with_cache: Catalog, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    before = rows(database_url)
    with psycopg.connect(database_url) as connection:
        prepare(connection, ModelStamp("fixed-latency", OLD_FINGERPRINT, 1))
        connection.execute("ALTER TABLE catalog_reembedding DROP COLUMN preprocessing")
        connection.execute("INSERT INTO album_covers_next SELECT * FROM album_covers")
        connection.execute("UPDATE album_covers_next SET embedding = embedding + embedding")
        connection.execute("UPDATE catalog_model SET preprocessing = 1")

    done = catalog_with_cache("reembed", "--model", "fixed-latency", "--covers", "covers")

    assert done.status == 0, done.err
    assert rows(database_url)["demo-1967-00003"]["embedding"] == before["demo-1967-00003"]["embedding"]


def test_an_unmigrated_database_is_refused_before_embedding(
    catalog_with_cache: Catalog, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP FUNCTION stamp_catalog(text, text, integer)")

    done = catalog_with_cache(*REEMBED, **NEW)

    assert done.status == 2
    assert "python -m catalog migrate" in done.err
    assert leftovers(database_url) == []


def test_a_missing_cover_prevents_the_switch_unless_skipped(
    catalog_with_cache: Catalog, workdir: Path, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    before = rows(database_url)
    (workdir / "covers" / "demo-1967-00003.jpg").unlink()

    stopped = catalog_with_cache(*REEMBED, **NEW)
    untouched = rows(database_url)
    switched = catalog_with_cache(*REEMBED, "--leave-out", **NEW)

    assert stopped.status == 1
    assert "demo-1967-00003" in (workdir / "reembed-rejected.csv").read_text()
    assert untouched == before
    assert switched.status == 0
    after = rows(database_url)
    assert [i for i, row in after.items() if row["embedding"] is None] == ["demo-1967-00003"]
    assert has_index(database_url)


def test_a_killed_move_resumes_and_reembeds_albums_changed_meanwhile(
    catalog_with_cache: Catalog, environ: dict[str, str], workdir: Path, database_url: str, export_cache: str
) -> None:
    catalog_with_cache(*INGEST)
    before = rows(database_url)
    process = subprocess.Popen(
        [sys.executable, "-m", "catalog", *REEMBED],
        env={
            "PATH": os.environ["PATH"],
            **environ,
            **NEW,
            "MODEL_CACHE_DIR": export_cache,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(process, database_url, "to_regclass('catalog_reembedding') IS NOT NULL")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert rows(database_url) == before
    cover = workdir / "covers" / "demo-1967-00001.jpg"
    cover.write_bytes((workdir / "covers" / "demo-1967-00002.jpg").read_bytes())
    catalog_with_cache(*INGEST)
    catalog_with_cache("delete", "demo-1967-00004")

    done = catalog_with_cache(*REEMBED, **NEW)

    assert done.status == 0, done.err
    after = rows(database_url)
    assert len(after) == ALBUMS - 1
    assert np.allclose(vector(after["demo-1967-00001"]), vector(after["demo-1967-00002"]), atol=1e-5)


def test_an_abandoned_move_leaves_no_objects(
    catalog_with_cache: Catalog, workdir: Path, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    before = rows(database_url)
    (workdir / "covers" / "demo-1967-00003.jpg").unlink()
    catalog_with_cache(*REEMBED, **NEW)
    begun = leftovers(database_url)

    done = catalog_with_cache("reembed", "--abandon")

    assert done.status == 0
    assert begun != []
    assert leftovers(database_url) == []
    assert rows(database_url) == before


@pytest.mark.parametrize(
    ("attached", "named"),
    [
        ("CREATE VIEW best AS SELECT id FROM album_covers WHERE best_new_music", "view best"),
        (
            "CREATE MATERIALIZED VIEW years AS SELECT release_year FROM album_covers",
            "materialized view years",
        ),
        ("CREATE TABLE likes (album text REFERENCES album_covers)", "likes_album_fkey"),
        (
            """CREATE TABLE genres (name text PRIMARY KEY);
               ALTER TABLE album_covers
                 ADD CONSTRAINT known FOREIGN KEY (genre) REFERENCES genres NOT VALID""",
            "constraint known",
        ),
        ("CREATE FUNCTION of(album_covers) RETURNS text LANGUAGE sql RETURN $1.id", "function of"),
        ("CREATE RULE quiet AS ON DELETE TO album_covers DO INSTEAD NOTHING", "rule quiet"),
        ("CREATE POLICY mine ON album_covers USING (true)", "policy mine"),
        (
            "CREATE PUBLICATION part FOR TABLE album_covers (id, artist)",
            "columns or rows, part",
        ),
    ],
)
def test_a_move_that_would_lose_dependent_objects_is_refused_before_embedding(
    catalog_with_cache: Catalog, database_url: str, attached: str, named: str
) -> None:
    catalog_with_cache(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute(attached.encode())

    done = catalog_with_cache(*REEMBED, **NEW)

    assert done.status == 2
    assert named in done.err
    assert leftovers(database_url) == []


def test_a_move_keeps_grants_publications_and_replica_identity(
    catalog_with_cache: Catalog, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """GRANT SELECT ON album_covers TO anon WITH GRANT OPTION;
               GRANT UPDATE (genre) ON album_covers TO authenticated;
               CREATE PUBLICATION realtime FOR TABLE album_covers;
               ALTER TABLE album_covers REPLICA IDENTITY FULL;
               ALTER TABLE album_covers OWNER TO service_role"""
        )
    before = attachments(database_url)

    done = catalog_with_cache(*REEMBED, **NEW)

    assert done.status == 0, done.err
    assert attachments(database_url) == before
    assert any("anon=r*" in str(entry) for entry in before)


def attachments(database_url: str) -> list[object]:
    """Return the table's owner, access rights, replica identity and publications."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            """SELECT relowner::regrole::text, relreplident::text,
                      (SELECT array_agg(acl::text ORDER BY acl::text) FROM unnest(relacl) acl),
                      (SELECT array_agg(attacl::text) FROM pg_attribute WHERE attrelid = pg_class.oid),
                      (SELECT array_agg(pubname) FROM pg_publication_tables WHERE tablename = relname)
               FROM pg_class WHERE relname = 'album_covers'"""
        ).fetchone()
    assert found is not None
    return [[part for part in entry if part] if isinstance(entry, list) else entry for entry in found]


def test_a_search_during_a_move_uses_only_old_or_only_new_vectors(
    catalog_with_cache: Catalog, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    old = {album_id: vector(row) for album_id, row in rows(database_url).items()}
    opened = PostgresCatalog(database_url, timeout_s=30, connections=2)
    stop = threading.Event()
    seen: list[float | str] = []

    def search_on() -> None:
        while not stop.is_set():
            for album_id, embedding in old.items():
                seen.append(outcome(opened, embedding, album_id))

    searching = threading.Thread(target=search_on)
    searching.start()
    try:
        done = catalog_with_cache(*REEMBED, **NEW)
    finally:
        stop.set()
        searching.join()
    new = {album_id: vector(row) for album_id, row in rows(database_url).items()}
    try:
        found = opened.search(
            new["demo-1967-00005"],
            k=1,
            filters=Filters(),
            model_fingerprint=find_model(str(DEMO_MODEL)).fingerprint,
        )
    finally:
        opened.close()

    assert done.status == 0, done.err
    assert set(seen) == {"found itself", "model_mismatch"}
    assert found[0].album.id == "demo-1967-00005"


def outcome(
    opened: PostgresCatalog, embedding: np.ndarray[tuple[int], np.dtype[np.float32]], own: str
) -> str:
    """Search like a worker with the old model, and return the outcome."""

    def search() -> Matches:
        return opened.search(embedding, k=1, filters=Filters(), model_fingerprint=OLD_FINGERPRINT)

    try:
        (match,) = retry_transient(search, within_s=10)
    except CoverSearchError as error:
        return error.detail if error.code != "model_mismatch" else error.code
    itself = match.album.id == own and match.similarity > 0.999
    return "found itself" if itself else f"{match.album.id} at {match.similarity}"


def test_a_search_that_waited_for_the_switch_is_checked_against_the_new_stamp(
    catalog_with_cache: Catalog, database_url: str
) -> None:
    catalog_with_cache(*INGEST)
    query = vector(next(iter(rows(database_url).values())))
    opened = PostgresCatalog(database_url, timeout_s=30, connections=1)
    raised: list[BaseException] = []

    def search() -> None:
        try:
            opened.search(query, k=1, filters=Filters(), model_fingerprint=OLD_FINGERPRINT)
        except ModelMismatch as error:
            raised.append(error)

    with psycopg.connect(database_url) as switching:
        switching.execute("LOCK TABLE album_covers IN ACCESS EXCLUSIVE MODE")
        searching = threading.Thread(target=search)
        searching.start()
        eventually(lambda: is_blocked(database_url))
        switching.execute("SELECT stamp_catalog('another', 'another')")
    searching.join()
    opened.close()

    assert len(raised) == 1


def is_blocked(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = "
            "(SELECT oid FROM pg_class WHERE relname = 'album_covers'))"
        ).fetchone()
    return row is not None and bool(row[0])
