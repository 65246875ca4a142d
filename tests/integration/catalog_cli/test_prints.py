"""An ingest stores the prints of covers, and `prints` makes the prints that are missing."""

import base64
import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from pyarrow import parquet

from common.prints import PRINT_VERSION, Print, unpack_print
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog
from tests.polling import eventually
from worker.decode.image import decode_print
from worker.prints.cover_print import make_print

INGEST = ("ingest", "albums.csv", "--covers", "covers")
PRINTS = ("prints", "--covers", "covers")
WAIT_S = 60.0


def prints(url: str) -> dict[str, Print]:
    """Return the prints that albums have of their present covers."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT album_id, version, p.side_px, points, thumbnail, substr(bit_send(pdq), 5) "
            "FROM cover_prints p JOIN album_covers a ON a.id = album_id AND a.cover_hash = cover_key"
        )
        return {row[0]: Print(*row[1:3], *map(bytes, row[3:])) for row in found}


def made_of(folder: Path) -> dict[str, Print]:
    """Return the prints of the covers in a folder."""
    return {
        file.stem: decode_print(file.read_bytes(), make_print=make_print, max_pixels=100_000)
        for file in folder.iterdir()
    }


def run_sql(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def test_an_ingest_stores_the_print_of_every_cover(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    done = catalog(*INGEST)

    assert done.status == 0, done.err
    assert "no print" not in done.err
    assert prints(database_url) == made_of(workdir / "covers")


def test_an_ingest_without_prints_makes_none_and_prints_makes_them_later(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST, "--no-prints")
    before = prints(database_url)

    done = catalog(*PRINTS)
    again = catalog(*PRINTS)

    assert before == {}
    assert done.status == 0, done.err
    assert f"{ALBUMS} prints, 0 changed meanwhile, 0 albums still without a print" in done.err
    assert "0 prints, 0 changed" in again.err
    assert prints(database_url) == made_of(workdir / "covers")


def test_an_ingest_again_makes_only_the_print_of_a_changed_cover(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    made_at = "SELECT album_id, made_at FROM cover_prints"
    with psycopg.connect(database_url) as connection:
        before: dict[str, datetime] = dict(connection.execute(made_at).fetchall())
    first, second = sorted((workdir / "covers").iterdir())[:2]
    first.write_bytes(second.read_bytes())

    done = catalog(*INGEST)

    with psycopg.connect(database_url) as connection:
        after: dict[str, datetime] = dict(connection.execute(made_at).fetchall())
    assert "1 written" in done.err
    assert {album_id for album_id in after if after[album_id] != before[album_id]} == {first.stem}
    assert prints(database_url) == made_of(workdir / "covers")


def test_a_cover_that_changes_while_prints_are_off_has_no_outdated_print(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    first, second = sorted((workdir / "covers").iterdir())[:2]
    first.write_bytes(second.read_bytes())

    catalog(*INGEST, "--no-prints")
    without = prints(database_url)
    done = catalog(*PRINTS)

    assert without.keys() == {file.stem for file in (workdir / "covers").iterdir()} - {first.stem}
    assert "1 prints" in done.err
    assert prints(database_url) == made_of(workdir / "covers")


def test_embedding_missing_albums_stores_their_prints(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    run_sql(database_url, "UPDATE album_covers SET embedding = NULL; DELETE FROM cover_prints")

    catalog("ingest", "--missing", "--covers", "covers")

    assert prints(database_url) == made_of(workdir / "covers")


def test_prints_of_another_version_are_made_again(catalog: Catalog, workdir: Path, database_url: str) -> None:
    catalog(*INGEST)
    run_sql(database_url, "UPDATE cover_prints SET version = 99, points = '' WHERE album_id LIKE '%7'")

    done = catalog(*PRINTS)

    assert "3 prints" in done.err
    assert prints(database_url) == made_of(workdir / "covers")


def test_covers_that_cannot_be_read_or_have_changed_are_reported(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    catalog(*INGEST, "--no-prints")
    lost, changed, broken, other = sorted((workdir / "covers").iterdir())[:4]
    lost.unlink()
    changed.write_bytes(other.read_bytes())
    broken.write_text("no picture")
    # Without a hash, the broken file may be the cover of the embedding.
    run_sql(database_url, f"UPDATE album_covers SET cover_hash = NULL WHERE id = '{broken.stem}'")

    done = catalog(*PRINTS)

    assert done.status == 1
    assert f"{ALBUMS - 3} prints, 0 changed meanwhile, 3 albums still without a print" in done.err
    report = (workdir / "prints-rejected.csv").read_text()
    for stem, reason in (
        (lost.stem, "missing_cover"),
        (changed.stem, "cover_changed"),
        (broken.stem, "unsupported_image"),
    ):
        assert f"0,{stem},{reason}," in report


def test_stats_and_verify_find_missing_outdated_damaged_and_unused_prints(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    whole = catalog("verify", "--json")
    run_sql(
        database_url,
        "DELETE FROM cover_prints WHERE album_id LIKE '%7'; "
        "UPDATE cover_prints SET version = 99 WHERE album_id LIKE '%8'; "
        "UPDATE cover_prints SET points = substr(points, 2) WHERE album_id LIKE '%9'; "
        "INSERT INTO cover_prints SELECT 'no album', cover_key, version, side_px, points, thumbnail, pdq, "
        "made_at - interval '2 hours' FROM cover_prints LIMIT 1",
    )

    stats = json.loads(catalog("stats", "--json").out)
    checks = {check["name"]: check for check in json.loads(catalog("verify", "--json").out)}

    assert whole.status == 0, whole.out
    assert stats["without_print"] == 6
    assert "6: python -m catalog prints" in catalog("stats").out
    names = ("prints", "print versions", "print contents", "unused prints")
    assert [checks[name]["holds"] for name in names] == [False, False, False, True]
    assert [checks[name]["seen"].split()[0] for name in names] == ["3", "3", "3", "1"]
    assert "prints --check" in checks["print contents"]["seen"]


def test_verify_accepts_a_catalog_in_which_no_album_has_a_print(catalog: Catalog) -> None:
    catalog(*INGEST, "--no-prints")

    assert catalog("verify").status == 0


def test_damaged_prints_are_made_again_on_request_and_unused_ones_deleted(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    run_sql(
        database_url,
        "UPDATE cover_prints SET thumbnail = substr(thumbnail, 2) WHERE album_id LIKE '%9'; "
        "INSERT INTO cover_prints SELECT 'no album', cover_key, version, side_px, points, thumbnail, pdq, "
        "made_at - interval '2 hours' FROM cover_prints LIMIT 1",
    )

    without_check = catalog(*PRINTS)
    done = catalog(*PRINTS, "--check")

    assert "0 prints" in without_check.err
    assert "1 unused prints deleted" in without_check.err
    assert "3 damaged prints deleted" in done.err
    assert "3 prints, 0 changed" in done.err
    assert prints(database_url) == made_of(workdir / "covers")
    assert catalog("verify").status == 0


def test_deleting_an_album_deletes_its_print(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    gone = min(prints(database_url))

    catalog("delete", gone)

    with psycopg.connect(database_url) as connection:
        left = {row[0] for row in connection.execute("SELECT album_id FROM cover_prints")}
    assert len(left) == ALBUMS - 1
    assert gone not in left


def test_an_export_can_contain_the_prints_and_an_ingest_ignores_them(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    run_sql(database_url, "DELETE FROM cover_prints WHERE album_id LIKE '%7'")

    for suffix in ("csv", "jsonl", "parquet"):
        exported = catalog("export", f"out.{suffix}", "--prints")
        assert exported.status == 0, exported.err
        done = catalog("ingest", f"out.{suffix}", "--covers", "covers")
        assert f"0 written, {ALBUMS} unchanged" in done.err
    stored = prints(database_url)
    assert len(stored) == ALBUMS - 3
    with (workdir / "out.csv").open(newline="") as file:
        from_csv = {row["id"]: base64.b64decode(row["cover_print"]) for row in csv.DictReader(file)}
    lines = [json.loads(line) for line in (workdir / "out.jsonl").read_text().splitlines()]
    from_jsonl = {album["id"]: base64.b64decode(album["cover_print"] or "") for album in lines}
    table = parquet.read_table(workdir / "out.parquet").to_pylist()
    from_parquet = {row["id"]: row["cover_print"] or b"" for row in table}
    for exported_prints in (from_csv, from_jsonl, from_parquet):
        assert {i: unpack_print(packed) for i, packed in exported_prints.items() if packed} == stored


def test_a_folder_that_does_not_exist_is_named(catalog: Catalog) -> None:
    done = catalog("prints", "--covers", "nowhere")

    assert done.status == 2
    assert "there is no folder nowhere" in done.err


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_is_completed_by_the_next_run(
    catalog: Catalog, environ: dict[str, str], workdir: Path, database_url: str, end: signal.Signals
) -> None:
    catalog(*INGEST, "--no-prints")
    run = subprocess.Popen(
        [sys.executable, "-m", "catalog", *PRINTS, "--batch", "2"],
        env={"PATH": os.environ["PATH"], **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: prints(database_url), within_s=WAIT_S)
    run.send_signal(end)
    _, said = run.communicate(timeout=WAIT_S)
    done = catalog(*PRINTS)

    assert "interrupted" in said or end == signal.SIGKILL or run.returncode == 0
    assert done.status == 0, done.err
    assert prints(database_url) == made_of(workdir / "covers")
    assert {found.version for found in prints(database_url).values()} == {PRINT_VERSION}
