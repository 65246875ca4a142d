"""`ingest --missing` embeds the covers of albums that were inserted by plain SQL."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import psycopg
import pytest

from catalog.writer.open_writer import open_writer
from catalog.writer.protocol import MissingAlbum, NewEmbedding
from common.settings import load_settings
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, has_index, read_report, rows
from tests.paths import DEMO_MODEL
from tests.polling import eventually

MISSING = ("ingest", "--missing")
WAIT_S = 60.0


def insert(url: str, *albums: tuple[str, str | None]) -> None:
    """Insert albums by plain SQL; each album is a pair of id and cover URL."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO album_covers (id, cover_url, artist, album_name) VALUES (%s, %s, 'A', 'N')", albums
        )


def drawn_ids(workdir: Path) -> list[str]:
    return sorted(file.stem for file in (workdir / "covers").iterdir())


def embedded(url: str) -> set[str]:
    return {album_id for album_id, row in rows(url).items() if row["embedding"] is not None}


def test_missing_albums_are_embedded_from_files_and_urls(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str, served: str
) -> None:
    first, second, third, fourth = drawn_ids(workdir)[:4]
    (workdir / "covers" / "more covers").mkdir()
    (workdir / "covers" / f"{fourth}.jpg").rename(workdir / "covers" / "more covers" / "4.jpg")
    insert(
        database_url,
        ("by url", f"{served}/{first}.jpg"),
        ("by path", f"/covers/{second}.jpg"),
        ("in a folder", "/covers/more%20covers/4.jpg?v=1"),
        (third, None),
    )

    done = catalog(*MISSING, "--covers", "covers", "--allow-private")

    assert done.status == 0, done.err
    assert "4 embedded, 0 changed by others during the run, 0 without an embedding" in done.err
    found = rows(database_url)
    assert {album_id: row["cover_source"] for album_id, row in found.items()} == {
        "by url": f"{served}/{first}.jpg",
        "by path": f"{second}.jpg",
        "in a folder": "more covers/4.jpg",
        third: f"{third}.jpg",
    }
    # The cover URLs that clients receive stay unchanged.
    assert found["by path"]["cover_url"] == f"/covers/{second}.jpg"
    assert all(row["cover_hash"] for row in found.values())


def test_missing_albums_get_the_vectors_of_an_ordinary_ingest(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    catalog("ingest", "albums.csv", "--covers", "covers")
    ingested = rows(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET embedding = NULL WHERE id LIKE '%7'")

    done = catalog(*MISSING, "--covers", "covers")
    again = catalog("ingest", "albums.csv", "--covers", "covers")

    assert done.status == 0
    assert "3 embedded" in done.err
    assert f"{ALBUMS} unchanged" in again.err
    assert {i: row["content_hash"] for i, row in rows(database_url).items()} == {
        i: row["content_hash"] for i, row in ingested.items()
    }


def test_albums_that_cannot_be_embedded_are_reported_and_the_rest_is_embedded(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str, served: str
) -> None:
    first = drawn_ids(workdir)[0]
    (workdir / "covers" / "broken.jpg").write_text("no picture")
    insert(
        database_url,
        ("1 good", f"/covers/{first}.jpg"),
        ("2 gone", "/covers/gone.jpg"),
        ("3 broken", "/covers/broken.jpg"),
        ("4 nowhere", None),
        ("5 private", f"{served}/{first}.jpg"),
        ("6 outside", "/covers/../albums.csv"),
        ("7 no url", "data:image/png;base64,AAAA"),
    )

    done = catalog(*MISSING, COVERS_DIR=str(workdir / "covers"))

    assert done.status == 1
    assert "1 embedded, 0 changed by others during the run, 6 without an embedding" in done.err
    assert embedded(database_url) == {"1 good"}
    reasons = {reason for _, reason in read_report(workdir / "missing-rejected.csv")}
    assert reasons == {"missing_cover", "cover_refused", "unsupported_image"}
    assert len(read_report(workdir / "missing-rejected.csv")) == 6


def test_stats_verify_and_export_count_missing_embeddings(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog("ingest", "albums.csv", "--covers", "covers")
    insert(database_url, ("one", None), ("two", None))

    stats = json.loads(catalog("stats", "--json").out)
    checks = {check["name"]: check for check in json.loads(catalog("verify", "--json").out)}

    assert stats["without_embedding"] == 2
    # The total counts every album, with or without an embedding, like /api/stats.
    assert stats["total_albums"] == ALBUMS + 2
    assert "ingest --missing" in catalog("stats").out
    assert not checks["embeddings"]["holds"]
    assert checks["embeddings"]["seen"].startswith("2 albums have none")
    assert "ingest --missing" in checks["embeddings"]["seen"]
    assert "2 albums have no embedding" in catalog("export", "all.jsonl", "--embeddings").err


def test_a_catalog_of_another_model_is_refused_before_embedding(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    catalog("ingest", "albums.csv", "--covers", "covers")
    insert(database_url, ("new", f"/covers/{drawn_ids(workdir)[0]}.jpg"))

    done = catalog(*MISSING, "--covers", "covers", ENCODER="openvino", CLIP_MODEL=str(DEMO_MODEL))

    assert done.status == 2
    assert "model_mismatch" in done.err
    assert "new" not in embedded(database_url)


def test_writing_stops_when_the_catalog_moves_to_another_model(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    insert(database_url, *((album_id, None) for album_id in drawn_ids(workdir)))
    with psycopg.connect(database_url) as connection:
        # The trigger stamps the catalog with another model when the ingest writes its first batch.
        connection.execute(
            "CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM stamp_catalog('another', 'f00d'); RETURN NULL; END $$; "
            "CREATE TRIGGER move AFTER UPDATE ON album_covers FOR EACH STATEMENT EXECUTE FUNCTION move()"
        )

    done = catalog(*MISSING, "--covers", "covers", "--batch", "8")

    assert done.status == 2
    assert "model_mismatch" in done.err
    assert len(embedded(database_url)) == 8


def test_a_table_without_vectors_is_stamped_and_indexed_at_the_end(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    insert(database_url, *((album_id, None) for album_id in drawn_ids(workdir)))

    done = catalog(*MISSING, "--covers", "covers")

    assert done.status == 0
    assert "which model made its vectors" not in done.err
    assert f"indexed {ALBUMS} albums" in done.err
    assert has_index(database_url)
    assert json.loads(catalog("stats", "--json").out)["model"]["model"] == "fixed-latency"


def test_an_album_changed_during_the_run_is_left_for_the_next_run(
    catalog_settings: Mapping[str, str], database_url: str
) -> None:
    insert(database_url, *((album_id, "/covers/1.jpg") for album_id in "abcd"))
    vector = np.eye(1, 512, dtype=np.float32)[0]
    with open_writer(load_settings(catalog_settings)) as writer:
        looked_at = writer.missing(after_id=None, size=10)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE album_covers SET cover_url = '/covers/2.jpg' WHERE id = 'b'")
            connection.execute("DELETE FROM album_covers WHERE id = 'c'")
            connection.execute(
                "UPDATE album_covers SET embedding = %s::vector WHERE id = 'd'", [str((-vector).tolist())]
            )

        made = [NewEmbedding(album, vector, "hash", cover_source="1.jpg") for album in looked_at]
        written = writer.embed(made, model_fingerprint="any, since nobody stamped it")
        left = writer.missing(after_id=None, size=10)

    assert [album.id for album in looked_at] == ["a", "b", "c", "d"]
    assert written == {"a"}
    assert left == [MissingAlbum("b", None, "/covers/2.jpg")]


def start(environ: Mapping[str, str], *, latency_ms: int = 300) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "catalog", *MISSING, "--covers", "covers", "--batch", "8"],
        env={
            "PATH": os.environ["PATH"],
            "FIXED_LATENCY_MS": str(latency_ms),
            **environ,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def test_the_next_run_completes_a_killed_run(
    catalog: Catalog, workdir: Path, environ: dict[str, str], database_url: str
) -> None:
    insert(database_url, *((album_id, None) for album_id in drawn_ids(workdir)))
    process = start(environ)
    eventually(lambda: bool(embedded(database_url)))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = ALBUMS - len(embedded(database_url))

    done = catalog(*MISSING, "--covers", "covers")

    assert done.status == 0
    assert f"{left} embedded" in done.err
    assert has_index(database_url)


def test_two_concurrent_runs_embed_every_album(
    workdir: Path, environ: dict[str, str], catalog_settings: Mapping[str, str], database_url: str
) -> None:
    insert(database_url, *((album_id, None) for album_id in drawn_ids(workdir)))

    both = [start(catalog_settings, latency_ms=50), start(catalog_settings, latency_ms=60)]
    output = [process.communicate(timeout=WAIT_S * 2)[1].decode() for process in both]

    assert [process.returncode for process in both] == [0, 0], output
    assert embedded(database_url) == set(drawn_ids(workdir))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("albums.csv",), "takes no table"),
        (("--map", "id=id"), "takes no table"),
        (("--covers", "nowhere"), "no such folder"),
    ],
)
def test_conflicting_options_are_refused(catalog: Catalog, arguments: tuple[str, ...], message: str) -> None:
    done = catalog(*MISSING, *arguments)

    assert done.status == 2
    assert message in done.err


def test_an_ingest_without_a_table_asks_for_one(catalog: Catalog) -> None:
    done = catalog("ingest")

    assert done.status == 2
    assert "give a table" in done.err
