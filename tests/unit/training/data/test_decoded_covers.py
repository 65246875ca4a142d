"""Covers are decoded once, and each undecodable cover is reported with its row."""

import argparse
import os
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from rich.console import Console

from catalog.ingest.album_source import open_album_source
from common.errors import SettingsError
from common.settings import Settings
from training.data.decoded_covers import DecodedCovers, DecodedCoverStore
from worker.decode.image import decode_image

pytestmark = pytest.mark.starts_processes

ROWS = 12


def load(folder: Path) -> DecodedCovers:
    options = argparse.Namespace(
        table=folder / "albums.jsonl",
        covers=str(folder / "covers"),
        map=[],
        strict=False,
        encoding=None,
        genres=None,
        preset=None,
    )
    gathering = DecodedCoverStore(Settings(), Console(quiet=True), folder / "work", 32)
    return gathering.load(open_album_source(options, Settings()))


@pytest.fixture
def folder(demo_table: Path, tmp_path: Path) -> Path:
    copytree(demo_table.parent / "covers", tmp_path / "covers")
    rows = demo_table.read_text().splitlines()[:ROWS]
    (tmp_path / "albums.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_covers_have_the_pixels_that_the_service_decodes(folder: Path) -> None:
    decoded = load(folder)

    file = folder / "covers" / f"{decoded.albums[3].fields.id}.jpg"
    seen = decode_image(file.read_bytes(), size_px=32, max_pixels=1 << 20)

    assert decoded.pixels.shape == (ROWS, 32, 32, 3)
    assert np.array_equal(decoded.pixels[3], np.asarray(seen))
    assert decoded.rejected == []


def test_a_bad_cover_rejects_only_its_own_row(folder: Path) -> None:
    (folder / "covers" / "demo-1967-00002.jpg").write_bytes(b"no picture")
    (folder / "covers" / "demo-1967-00005.jpg").unlink()
    with (folder / "albums.jsonl").open("a") as table:
        table.write('{"id": "broken"\n')

    decoded = load(folder)

    rejections = [(rejected.row, rejected.reason) for rejected in decoded.rejected]
    assert rejections == [(3, "unsupported_image"), (6, "missing_cover"), (13, "unreadable_row")]
    assert len(decoded.albums) == len(decoded.pixels) == ROWS - 2
    assert decoded.albums[2].fields.id == "demo-1967-00003"


def test_covers_are_decoded_again_only_after_a_change(folder: Path) -> None:
    first = load(folder)
    written = next((folder / "work").glob("*.rgb")).stat().st_mtime_ns

    again = load(folder)
    os.utime(folder / "covers" / "demo-1967-00000.jpg", ns=(1, 1))
    changed = load(folder)

    assert again.key == first.key != changed.key
    assert next((folder / "work").glob(f"covers-{first.key[:16]}.rgb")).stat().st_mtime_ns == written


def test_a_table_without_any_cover_is_refused(folder: Path) -> None:
    for cover in (folder / "covers").iterdir():
        cover.unlink()

    with pytest.raises(SettingsError, match="no album that is asked for"):
        load(folder)
