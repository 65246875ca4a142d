"""An ingest stores the palettes of covers, and `palettes` computes the palettes that are missing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from catalog.demo.albums import demo_albums
from catalog.writer.open_writer import open_writer
from common.colours.cells import cells_of
from common.colours.names import main_colour
from common.colours.palette import PALETTE_VERSION, Palette
from common.settings import load_settings
from tests.integration.catalog_cli.conftest import ALBUMS, Catalog, rows
from tests.paths import DEMO_MODEL
from tests.polling import eventually

INGEST = ("ingest", "albums.csv", "--covers", "covers")
PALETTES = ("palettes", "--covers", "covers")
COLUMNS = ("palette", "palette_version", "colour_cells", "main_colour")
WAIT_S = 60.0


def palettes(url: str) -> dict[str, tuple[Any, ...]]:
    return {album_id: tuple(row[name] for name in COLUMNS) for album_id, row in rows(url).items()}


def forget(url: str, condition: str = "true") -> None:
    """Remove palettes, as if an earlier release had ingested the albums."""
    with psycopg.connect(url) as connection:
        nothing = ", ".join(f"{name} = NULL" for name in COLUMNS)
        connection.execute(f"UPDATE album_covers SET {nothing} WHERE {condition}".encode())


def test_an_ingest_stores_the_palette_and_what_is_derived_from_it(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)

    looks = {album.id: album.look for album in demo_albums(ALBUMS)}
    named = []
    for album_id, row in rows(database_url).items():
        palette = Palette.of(row["palette"], version=row["palette_version"])
        assert palette.version == PALETTE_VERSION
        assert 900 <= palette.shares.sum() <= 1010
        assert row["colour_cells"] == cells_of(palette)
        assert row["main_colour"] == main_colour(palette)
        named.append(row["main_colour"] in looks[album_id].main_colours)
    assert np.mean(named) >= 0.9


def test_palettes_makes_the_palettes_of_an_ingest(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    ingested = palettes(database_url)
    forget(database_url)

    done = catalog(*PALETTES)
    again = catalog(*PALETTES)

    assert done.status == 0, done.err
    assert f"{ALBUMS} palettes, 0 changed meanwhile, 0 albums still without" in done.err
    assert palettes(database_url) == ingested
    assert "0 palettes" in again.err


def test_palettes_of_another_version_are_computed_again(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    ingested = palettes(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE album_covers SET palette_version = 0, main_colour = 'none' WHERE id LIKE '%7'"
        )

    done = catalog(*PALETTES)

    assert "3 palettes" in done.err
    assert palettes(database_url) == ingested


def test_covers_are_read_from_urls_too(
    catalog: Catalog, workdir: Path, database_url: str, served: str
) -> None:
    catalog(*INGEST)
    ingested = palettes(database_url)
    forget(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET cover_source = %s || '/' || cover_source", [served])

    done = catalog("palettes", "--allow-private", "--per-host", "1000")

    assert done.status == 0, done.err
    assert palettes(database_url) == ingested


def test_covers_that_cannot_be_read_or_have_changed_are_reported(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    forget(database_url)
    lost, changed, broken, other = sorted((workdir / "covers").iterdir())[:4]
    lost.unlink()
    changed.write_bytes(other.read_bytes())
    broken.write_text("no picture")
    with psycopg.connect(database_url) as connection:
        # Without a hash, the broken file may be the cover of the embedding.
        connection.execute("UPDATE album_covers SET cover_hash = NULL WHERE id = %s", [broken.stem])

    done = catalog(*PALETTES)

    assert done.status == 1
    assert f"{ALBUMS - 3} palettes, 0 changed meanwhile, 3 albums still without" in done.err
    report = (workdir / "palettes-rejected.csv").read_text()
    for stem, reason in (
        (lost.stem, "missing_cover"),
        (changed.stem, "cover_changed"),
        (broken.stem, "unsupported_image"),
    ):
        assert f"0,{stem},{reason}," in report


def test_a_changed_cover_gets_a_new_palette(catalog: Catalog, workdir: Path, database_url: str) -> None:
    catalog(*INGEST)
    before = palettes(database_url)
    first, second = sorted((workdir / "covers").iterdir())[:2]
    first.write_bytes(second.read_bytes())

    done = catalog(*INGEST)

    after = palettes(database_url)
    assert "1 written" in done.err
    assert after[first.stem] == after[second.stem] == before[second.stem]


def test_a_writer_of_an_earlier_release_leaves_no_outdated_palette(
    catalog: Catalog, database_url: str
) -> None:
    catalog(*INGEST)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET cover_hash = 'another' WHERE id LIKE '%7'")
        connection.execute("UPDATE album_covers SET artist = 'Another' WHERE id LIKE '%8'")

    without = {album_id for album_id, columns in palettes(database_url).items() if columns == (None,) * 4}
    assert without == {album_id for album_id in rows(database_url) if album_id.endswith("7")}


def test_embedding_missing_albums_stores_their_palettes(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    ingested = palettes(database_url)
    forget(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET embedding = NULL")

    catalog("ingest", "--missing", "--covers", "covers")

    assert palettes(database_url) == ingested


def test_an_export_can_contain_the_palettes_and_an_ingest_ignores_them(
    catalog: Catalog, catalog_settings: Mapping[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    forget(database_url, "id LIKE '%7'")

    for suffix in ("csv", "jsonl", "parquet"):
        exported = catalog("export", f"out.{suffix}", "--palettes")
        assert exported.status == 0, exported.err
        done = catalog("ingest", f"out.{suffix}", "--covers", "covers")
        assert f"0 written, {ALBUMS} unchanged" in done.err
    stored = rows(database_url)
    for line in (workdir / "out.jsonl").read_text().splitlines():
        album = json.loads(line)
        assert album["cover_palette"] == stored[album["id"]]["palette"]


def test_stats_and_verify_count_the_albums_without_a_palette(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    forget(database_url, "id LIKE '%7'")

    stats = json.loads(catalog("stats", "--json").out)
    checks = {check["name"]: check for check in json.loads(catalog("verify", "--json").out)}

    assert stats["without_palette"] == 3
    assert "python -m catalog palettes" in catalog("stats").out
    assert not checks["palettes"]["holds"]
    assert checks["palettes"]["seen"].startswith("3 albums have none")
    assert "python -m catalog palettes" in checks["palettes"]["seen"]


def test_a_model_with_another_input_is_refused(catalog: Catalog, database_url: str) -> None:
    catalog(*INGEST)
    forget(database_url)

    done = catalog(*PALETTES, ENCODER="openvino", CLIP_MODEL=str(DEMO_MODEL))

    assert done.status == 2
    assert "model_mismatch" in done.err
    assert set(palettes(database_url).values()) == {(None,) * 4}


def test_a_folder_that_does_not_exist_is_named(catalog: Catalog) -> None:
    done = catalog("palettes", "--covers", "nowhere")

    assert done.status == 2
    assert "there is no folder nowhere" in done.err


def test_an_album_that_changed_after_it_was_read_is_left_for_the_next_run(
    catalog: Catalog, catalog_settings: Mapping[str, str], database_url: str
) -> None:
    catalog(*INGEST)
    forget(database_url)
    with open_writer(load_settings(catalog_settings)) as writer:
        first, second, *_ = writer.covers_without_palette(version=PALETTE_VERSION, after_id=None, size=5)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE album_covers SET cover_hash = 'new' WHERE id = %s", [first.id])

        written = writer.write_palettes([(album, Palette(((500, 0, 0, 1000),))) for album in (first, second)])

    assert written == {second.id}


def test_a_killed_run_is_completed_by_the_next_run(
    catalog: Catalog, environ: dict[str, str], workdir: Path, database_url: str
) -> None:
    catalog(*INGEST)
    ingested = palettes(database_url)
    forget(database_url)

    run = subprocess.Popen(
        [sys.executable, "-m", "catalog", *PALETTES, "--batch", "2"],
        env={"PATH": os.environ["PATH"], **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: any(columns[0] for columns in palettes(database_url).values()), within_s=WAIT_S)
    run.send_signal(signal.SIGKILL)
    run.wait(WAIT_S)
    catalog(*PALETTES)

    assert palettes(database_url) == ingested
