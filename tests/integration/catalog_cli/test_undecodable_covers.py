"""An album whose cover cannot be decoded gets its next cover, and the notes say so."""

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from catalog.demo.albums import demo_albums
from tests.integration.catalog_cli.conftest import Catalog, read_notes, rows
from tests.music_library.containers import mp3
from tests.music_library.tags import Picture, PictureType
from tests.music_library.writer import LibraryWriter, cover_of, tags_of

ALBUM = demo_albums(1)[0]
COVER, OTHER = cover_of(ALBUM), cover_of(demo_albums(2)[1])
#: A picture whose format is recognised, and whose content is cut off.
BROKEN, BROKEN_TOO = OTHER[:200], OTHER[:201]
MUSIC = ("ingest", "--music", "music")


@pytest.fixture
def folder(workdir: Path) -> Path:
    return LibraryWriter(workdir / "music").folder("album")


def write_tracks(folder: Path, *tracks: tuple[Picture, ...]) -> None:
    for number, pictures in enumerate(tracks, start=1):
        (folder / f"{number}.mp3").write_bytes(mp3(replace(tags_of(ALBUM, number), pictures=pictures)))


def details(report: Path) -> list[str]:
    with report.open(newline="") as file:
        return [row["detail"] for row in csv.DictReader(file)]


def only_row(database_url: str) -> dict[str, object]:
    (row,) = rows(database_url).values()
    return row


def test_the_cover_beside_the_tracks_replaces_an_undecodable_embedded_picture(
    catalog: Catalog, catalog_settings: Mapping[str, str], folder: Path, workdir: Path, database_url: str
) -> None:
    write_tracks(folder, (Picture(BROKEN),), (Picture(BROKEN),))
    (folder / "cover.jpg").write_bytes(COVER)

    done = catalog(*MUSIC)

    assert done.status == 1, done.err
    assert "1 written, 0 unchanged, 0 rejected" in done.err
    assert only_row(database_url)["cover_source"] == "album/cover.jpg"
    assert read_notes(workdir / "music-notes.csv") == [(1, "cover", "undecodable_image")]
    (note,) = details(workdir / "music-notes.csv")
    assert note.startswith("album/cover.jpg is used, because album/1.mp3 cannot be decoded: ")


@pytest.mark.parametrize(
    ("tracks", "source"),
    [
        (((Picture(BROKEN), Picture(COVER)),), "album/1.mp3/2"),
        (((Picture(BROKEN), Picture(COVER, PictureType.OTHER)),), "album/1.mp3/2"),
        (((Picture(BROKEN),), (Picture(BROKEN_TOO),), (Picture(COVER),)), "album/3.mp3"),
        (((Picture(BROKEN, PictureType.OTHER),), (Picture(COVER, PictureType.OTHER),)), "album/2.mp3"),
    ],
)
def test_another_embedded_picture_replaces_an_undecodable_one(
    catalog: Catalog, folder: Path, database_url: str, tracks: tuple[tuple[Picture, ...], ...], source: str
) -> None:
    write_tracks(folder, *tracks)

    catalog(*MUSIC)

    row = only_row(database_url)
    assert row["cover_source"] == source


def test_a_front_cover_file_is_better_than_an_embedded_picture_of_the_type_other(
    catalog: Catalog, folder: Path, database_url: str
) -> None:
    write_tracks(folder, (Picture(BROKEN), Picture(OTHER, PictureType.OTHER)))
    (folder / "cover.jpg").write_bytes(COVER)

    catalog(*MUSIC)

    assert only_row(database_url)["cover_source"] == "album/cover.jpg"


def test_the_next_run_embeds_nothing_again(
    catalog: Catalog, folder: Path, database_url: str, embedded_covers: list[int]
) -> None:
    write_tracks(folder, (Picture(BROKEN), Picture(COVER)))
    catalog(*MUSIC)
    embedded_covers.clear()
    before = only_row(database_url)

    done = catalog(*MUSIC)

    assert "0 written, 1 unchanged, 0 rejected" in done.err
    assert "1 cover: undecodable_image" in done.err
    assert not embedded_covers
    assert only_row(database_url) == before


def test_an_album_without_a_decodable_cover_is_rejected_with_every_cover(
    catalog: Catalog, folder: Path, workdir: Path, database_url: str
) -> None:
    write_tracks(folder, (Picture(BROKEN),))
    (folder / "cover.jpg").write_bytes(BROKEN_TOO)

    done = catalog(*MUSIC)

    assert "0 written, 0 unchanged, 1 rejected" in done.err
    assert not rows(database_url)
    (detail,) = details(workdir / "music-rejected.csv")
    assert "no cover can be decoded: album/1.mp3: " in detail
    assert "; album/cover.jpg: " in detail


def test_an_album_keeps_its_cover_if_no_new_cover_can_be_decoded(
    catalog: Catalog, folder: Path, workdir: Path, database_url: str
) -> None:
    write_tracks(folder, (Picture(COVER),))
    catalog(*MUSIC)
    before = only_row(database_url)
    write_tracks(folder, (Picture(BROKEN),))

    done = catalog(*MUSIC)

    assert "0 written, 1 unchanged, 0 rejected" in done.err
    assert only_row(database_url) == before
    (note,) = details(workdir / "music-notes.csv")
    assert note.startswith("the album keeps the cover that it has: ")


def test_the_second_picture_of_a_track_is_found_again(
    catalog: Catalog, folder: Path, workdir: Path, database_url: str
) -> None:
    write_tracks(folder, (Picture(BROKEN), Picture(COVER)))
    catalog(*MUSIC)
    before = only_row(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE album_covers SET embedding = NULL")

    done = catalog("ingest", "--missing", "--covers", "music")

    assert done.status == 0, done.err
    assert only_row(database_url)["embedding"] == before["embedding"]


def test_another_file_of_the_same_name_replaces_an_undecodable_cover_of_a_table(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    covers = workdir / "covers"
    cover = (covers / "demo-1967-00000.jpg").read_bytes()
    (covers / "demo-1967-00001.jpg").write_bytes(BROKEN)
    (covers / "demo-1967-00001.png").write_bytes(cover)

    done = catalog("ingest", "albums.csv", "--covers", "covers")

    assert "30 written, 0 unchanged, 0 rejected" in done.err
    assert rows(database_url)["demo-1967-00001"]["cover_source"] == "demo-1967-00001.png"
    assert (2, "cover", "undecodable_image") in read_notes(workdir / "albums-notes.csv")
