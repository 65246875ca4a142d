"""An ingest of a music folder shows exactly its albums, and a second run repeats no work."""

import csv
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from catalog.demo.albums import DemoAlbum, demo_albums
from common.processes.child_processes import module_command
from tests.integration.catalog_cli.conftest import Catalog, rows
from tests.music_library.containers import mp3
from tests.music_library.library import write_library
from tests.music_library.manifest import Manifest, ManifestAlbum
from tests.music_library.vorbis import flac
from tests.music_library.writer import LibraryWriter, cover_of, tags_of
from tests.paths import ROOT
from tests.polling import eventually

Library = tuple[Path, Manifest]
ALBUMS = 6


@pytest.fixture(scope="session")
def whole_library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The 300 albums of the test library, which tests must not change."""
    folder = tmp_path_factory.mktemp("music") / "library"
    return folder, write_library(folder)


@pytest.fixture
def music(workdir: Path) -> Path:
    """A folder with six albums of two tracks; every second album has an embedded cover."""
    for number, album in enumerate(demo_albums(ALBUMS)):
        write_album(workdir / "music", album, is_embedded=number % 2 == 1)
    return workdir / "music"


def write_album(root: Path, album: DemoAlbum, *, is_embedded: bool = False) -> Path:
    cover = cover_of(album)
    folder = LibraryWriter(root).folder(album.artist, album.album_name)
    for track in (1, 2):
        tags = tags_of(album, track, cover=cover if is_embedded else None)
        (folder / f"{track}.mp3").write_bytes(mp3(tags))
    if not is_embedded:
        (folder / "cover.jpg").write_bytes(cover)
    return folder


def folder_of(root: Path, album: DemoAlbum) -> Path:
    return root / album.artist / album.album_name


def by_name(albums: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {album["album_name"]: album for album in albums.values()}


def manifest_album(row: dict[str, Any]) -> ManifestAlbum:
    metadata = dict(row["metadata"])
    return ManifestAlbum(
        artist=row["artist"],
        album_name=row["album_name"],
        genres=tuple(row["genres"]),
        release_year=row["release_year"],
        tracks=metadata.pop("tracks"),
        cover_hash=row["cover_hash"],
        metadata=metadata,
    )


def reasons(report: Path) -> list[str]:
    with report.open(newline="") as file:
        return sorted(row["reason"] for row in csv.DictReader(file))


def sort_key(album: ManifestAlbum) -> tuple[str, str, str]:
    return album.artist, album.album_name, album.cover_hash or ""


def test_the_catalog_has_exactly_the_albums_of_the_manifest_with_their_covers(
    whole_library: Library,
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    database_url: str,
    workdir: Path,
) -> None:
    folder, manifest = whole_library

    done = catalog("ingest", "--music", str(folder))

    assert done.status == 1, done.err
    with_cover = [album for album in manifest.albums if album.cover_hash is not None]
    found = [manifest_album(row) for row in rows(database_url).values()]
    assert sorted(found, key=sort_key) == sorted(with_cover, key=sort_key)
    assert reasons(workdir / "library-rejected.csv") == [
        "cover_too_large",
        "missing_cover",
        *["unreadable_file"] * len(manifest.unreadable),
    ]


def test_a_second_run_reads_and_writes_nothing(catalog: Catalog, music: Path) -> None:
    catalog("ingest", "--music", str(music))

    done = catalog("ingest", "--music", str(music))

    assert done.status == 0, done.err
    assert "12 tracks in 6 albums; 0 new or changed files were read" in done.err
    assert "0 written, 6 unchanged, 0 rejected" in done.err
    assert "THUMBNAIL_DIR is not set" in done.err


def test_a_corrected_year_changes_one_album_and_embeds_nothing(
    catalog: Catalog,
    catalog_settings: Mapping[str, str],
    music: Path,
    database_url: str,
    embedded_covers: list[int],
) -> None:
    catalog("ingest", "--music", str(music))
    embedded_covers.clear()
    before, album = rows(database_url), demo_albums(2)[1]
    for track in (1, 2):
        tags = replace(tags_of(album, track, cover=cover_of(album)), date="1901")
        (folder_of(music, album) / f"{track}.mp3").write_bytes(mp3(tags))

    done = catalog("ingest", "--music", str(music))

    after = rows(database_url)
    assert "2 new or changed files were read" in done.err
    assert "1 written, 5 unchanged, 0 rejected" in done.err
    assert {name for name in after if after[name] != before[name]} == {
        row["id"] for row in after.values() if row["release_year"] == 1901
    }
    assert not embedded_covers


CORRECTIONS: dict[str, Callable[[Path, DemoAlbum], None]] = {}


def correction(function: Callable[[Path, DemoAlbum], None]) -> Callable[[Path, DemoAlbum], None]:
    CORRECTIONS[function.__name__] = function
    return function


def retagged(music: Path, album: DemoAlbum, **changes: Any) -> None:
    for track in (1, 2):
        tags = replace(tags_of(album, track, cover=cover_of(album)), **changes)
        (folder_of(music, album) / f"{track}.mp3").write_bytes(mp3(tags))


@correction
def another_album_artist(music: Path, album: DemoAlbum) -> None:
    retagged(music, album, album_artist="The Corrected", artist="The Corrected")


@correction
def a_release_id(music: Path, album: DemoAlbum) -> None:
    retagged(music, album, release_id="1f2e3d4c-0000-4000-8000-000000000009")


@correction
def another_genre(music: Path, album: DemoAlbum) -> None:
    retagged(music, album, genres=("Skweee",))


@correction
def moved_folder(music: Path, album: DemoAlbum) -> None:
    (music / "Sorted").mkdir()
    shutil.move(folder_of(music, album), music / "Sorted")


@correction
def another_format(music: Path, album: DemoAlbum) -> None:
    for track in (1, 2):
        (folder_of(music, album) / f"{track}.mp3").unlink()
        tags = tags_of(album, track, cover=cover_of(album))
        (folder_of(music, album) / f"{track}.flac").write_bytes(flac(tags))


@pytest.mark.parametrize("change", CORRECTIONS)
def test_an_album_keeps_its_id_and_its_embedding(
    catalog: Catalog, music: Path, database_url: str, embedded_covers: list[int], change: str
) -> None:
    catalog("ingest", "--music", str(music))
    embedded_covers.clear()
    album = demo_albums(2)[1]
    before = by_name(rows(database_url))[album.album_name]

    CORRECTIONS[change](music, album)
    done = catalog("ingest", "--music", str(music))

    albums = rows(database_url)
    after = by_name(albums)[album.album_name]
    assert done.status == 0, done.err
    assert len(albums) == ALBUMS
    assert after["id"] == before["id"]
    assert not embedded_covers
    assert after["content_hash"] != before["content_hash"]


def test_an_untagged_album_keeps_its_id_when_its_folder_moves(
    catalog: Catalog, music: Path, database_url: str
) -> None:
    folder = music / "Somebody" / "Something"
    folder.mkdir(parents=True)
    untagged = replace(tags_of(demo_albums(1)[0]), album="", album_artist="", artist="")
    (folder / "1.mp3").write_bytes(mp3(untagged))
    (folder / "cover.jpg").write_bytes(cover_of(demo_albums(9)[8]))
    catalog("ingest", "--music", str(music))
    before = by_name(rows(database_url))["Something"]

    shutil.move(folder, music / "Something")
    done = catalog("ingest", "--music", str(music))

    albums = rows(database_url)
    assert "0 new or changed files were read" in done.err
    assert len(albums) == ALBUMS + 1
    assert by_name(albums)["Something"]["id"] == before["id"]


def test_an_album_keeps_its_cover_if_its_picture_is_removed(
    catalog: Catalog, music: Path, database_url: str
) -> None:
    catalog("ingest", "--music", str(music))
    before = rows(database_url)
    (folder_of(music, demo_albums(1)[0]) / "cover.jpg").unlink()

    done = catalog("ingest", "--music", str(music))

    assert done.status == 1, done.err
    assert "1 cover: missing_cover" in done.err
    assert {name: row["embedding"] for name, row in rows(database_url).items()} == {
        name: row["embedding"] for name, row in before.items()
    }


def test_prune_deletes_the_albums_that_are_gone(
    catalog: Catalog, catalog_settings: Mapping[str, str], music: Path, database_url: str
) -> None:
    catalog("ingest", "--music", str(music))
    shutil.rmtree(folder_of(music, demo_albums(1)[0]))

    kept = catalog("ingest", "--music", str(music))
    pruned = catalog("ingest", "--music", str(music), "--prune")
    again = catalog("ingest", "--music", str(music), "--prune")

    assert kept.status == 0
    assert "1 albums are gone from the folder; --prune deletes them" in kept.err
    assert "1 albums that are gone from the folder were deleted" in pruned.err
    assert len(rows(database_url)) == ALBUMS - 1
    assert "gone" not in again.err


def test_prune_deletes_more_than_a_fifth_only_with_yes(
    catalog: Catalog, music: Path, database_url: str
) -> None:
    catalog("ingest", "--music", str(music))
    for album in demo_albums(2):
        shutil.rmtree(folder_of(music, album))

    refused = catalog("ingest", "--music", str(music), "--prune")
    after_refusal = len(rows(database_url))
    confirmed = catalog("ingest", "--music", str(music), "--prune", "--yes")

    assert refused.status == 1
    assert "2 of 6 albums are gone" in refused.err
    assert after_refusal == ALBUMS
    assert "2 albums that are gone from the folder were deleted" in confirmed.err
    assert len(rows(database_url)) == ALBUMS - 2


def test_prune_deletes_no_album_of_another_source(
    catalog: Catalog, music: Path, database_url: str, workdir: Path
) -> None:
    catalog("ingest", "albums.csv", "--covers", "covers")
    table = len(rows(database_url))
    catalog("ingest", "--music", str(music))
    shutil.rmtree(music)
    music.mkdir()

    catalog("ingest", "--music", str(music), "--prune", "--yes")

    assert len(rows(database_url)) == table


def test_an_empty_folder_is_taken_for_a_disk_that_is_not_mounted(
    catalog: Catalog, music: Path, database_url: str
) -> None:
    catalog("ingest", "--music", str(music))
    mounted = music.rename(music.with_name("elsewhere"))
    music.mkdir()

    done = catalog("ingest", "--music", str(music), "--prune")
    music.rmdir()
    mounted.rename(music)
    again = catalog("ingest", "--music", str(music))

    assert done.status == 2
    assert "is its disk mounted?" in done.err
    assert len(rows(database_url)) == ALBUMS
    assert "0 new or changed files were read" in again.err


def test_the_folder_is_stored_only_where_no_client_sees_it(
    catalog: Catalog, music: Path, database_url: str
) -> None:
    catalog("ingest", "--music", str(music))

    for row in rows(database_url).values():
        assert row["cover_source"].startswith(f"{row['artist']}/{row['album_name']}/")
        assert row["cover_url"] is None
        assert set(row["metadata"]) == {"tracks"}


def test_embedded_covers_are_found_again_for_albums_without_an_embedding(
    catalog: Catalog, music: Path, database_url: str
) -> None:
    catalog("ingest", "--music", str(music))
    before = rows(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET embedding = NULL")

    done = catalog("ingest", "--missing", "--covers", str(music))

    assert done.status == 0, done.err
    assert {name: row["embedding"] for name, row in rows(database_url).items()} == {
        name: row["embedding"] for name, row in before.items()
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--music", "nowhere"), "there is no such folder"),
        (("albums.csv", "--music", "music"), "takes no table"),
        (("--music", "music", "--dry-run"), "takes no table"),
        (("--music", "music", "--cover-url", "/covers/{file}"), "use {id}"),
        (("albums.csv", "--covers", "covers", "--prune"), "belong to --music"),
        (("--missing", "--music", "music"), "not both"),
        (("--music", "music", "--state", "albums.csv"), "delete the file"),
    ],
)
def test_wrong_arguments_are_refused(
    catalog: Catalog, music: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = catalog("ingest", *arguments)

    assert done.status == 2
    assert message in done.err


def test_changes_of_a_watched_folder_are_loaded(
    catalog: Catalog, music: Path, environ: dict[str, str], database_url: str
) -> None:
    new, gone = demo_albums(ALBUMS + 1)[ALBUMS], demo_albums(1)[0]
    command = [*module_command("catalog"), "ingest", "--music", str(music), "--watch", "--prune"]
    with subprocess.Popen(command, env=os.environ | environ | {"PYTHONPATH": str(ROOT)}) as process:
        try:
            eventually(lambda: len(rows(database_url)) == ALBUMS, within_s=60)
            write_album(music, new, is_embedded=True)
            eventually(lambda: new.album_name in by_name(rows(database_url)), within_s=60)
            shutil.rmtree(folder_of(music, gone))
            eventually(lambda: gone.album_name not in by_name(rows(database_url)), within_s=60)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)

    assert len(rows(database_url)) == ALBUMS


def test_the_next_run_completes_a_killed_run(
    whole_library: Library, catalog: Catalog, environ: dict[str, str], database_url: str
) -> None:
    folder, manifest = whole_library
    command = [*module_command("catalog"), "ingest", "--music", str(folder), "--batch", "10"]
    with subprocess.Popen(command, env=os.environ | environ | {"PYTHONPATH": str(ROOT)}) as process:
        eventually(lambda: len(rows(database_url)) >= 20)
        process.kill()
    killed_after = len(rows(database_url))

    catalog("ingest", "--music", str(folder))

    with_cover = [album for album in manifest.albums if album.cover_hash is not None]
    found = [manifest_album(row) for row in rows(database_url).values()]
    assert killed_after < len(with_cover)
    assert sorted(found, key=sort_key) == sorted(with_cover, key=sort_key)
