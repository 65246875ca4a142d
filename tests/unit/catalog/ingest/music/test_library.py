"""A scan of a music library finds its albums, and the next scan reads only what has changed."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from catalog.demo.albums import demo_albums
from catalog.ingest.music.library import open_library
from catalog.ingest.rejection import RowFault
from common.errors import SettingsError
from tests.music_library.containers import FORMATS, mp3
from tests.music_library.manifest import Manifest
from tests.music_library.writer import LibraryWriter, cover_of, tags_of
from tests.unit.catalog.ingest.music.conftest import Scan, Scanned, scanned

ALBUM, OTHER, THIRD = demo_albums(3)
PATH_MAX_BYTES = 4096


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with two albums in folders of their own."""
    for album in (ALBUM, OTHER):
        folder = LibraryWriter(tmp_path / "music").folder(album.artist, album.album_name)
        (folder / "1.mp3").write_bytes(mp3(tags_of(album, cover=cover_of(album))))
    return tmp_path / "music"


def test_every_album_of_the_test_library_is_found(whole_library: tuple[Path, Manifest], scan: Scan) -> None:
    folder, manifest = whole_library

    first, second = scan(folder), scan(folder)

    assert first.names == sorted(album.album_name for album in manifest.albums)
    assert second.albums == first.albums
    assert second.changed_files == 0
    assert [fault.detail.partition(":")[0] for fault in second.rejected] == manifest.unreadable


def test_reading_tags_during_the_walk_finds_the_same_albums(
    whole_library: tuple[Path, Manifest], scan: Scan, state: Path
) -> None:
    folder, _ = whole_library
    during = scan(folder)
    state.unlink()

    after = scan(folder, before_reading=lambda: None)

    assert during.albums == after.albums
    assert during.rejected == after.rejected
    assert after.changed_files > during.changed_files


def test_the_first_walk_counts_the_files_that_it_reads(root: Path, state: Path) -> None:
    read: list[int] = []
    with open_library(root, state=state, max_image_bytes=1 << 20) as library:
        left = library.find_files(may_be_empty=False, while_walking=read.append)

    assert (sum(read), left) == (2, 0)


def test_the_ids_are_the_same_without_the_state_file(root: Path, scan: Scan, state: Path) -> None:
    before = scan(root).albums
    state.unlink()

    assert scan(root).albums == before


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_removed_during_the_scan_costs_only_itself(root: Path, scan: Scan, suffix: str) -> None:
    folder = LibraryWriter(root).folder("gone")
    (folder / f"1{suffix}").write_bytes(FORMATS[suffix](tags_of(THIRD)))

    found = scan(root, before_reading=lambda: shutil.rmtree(folder))

    assert found.names == sorted([ALBUM.album_name, OTHER.album_name])
    assert not found.rejected


def test_a_folder_removed_after_the_scan_costs_only_its_cover(root: Path, state: Path) -> None:
    with open_library(root, state=state, max_image_bytes=1 << 20) as library:
        ids = scanned(library, library.find_files(may_be_empty=False)).ids
        shutil.rmtree(root / ALBUM.artist)

        with pytest.raises(RowFault) as fault:
            library.covers.find(ids[ALBUM.album_name], None)
        other = library.covers.read(library.covers.find(ids[OTHER.album_name], None).source)

    assert fault.value.reason == "missing_cover"
    assert other == cover_of(OTHER)


def test_albums_in_a_folder_that_cannot_be_read_are_not_gone(tmp_path: Path, root: Path, scan: Scan) -> None:
    deep = root.joinpath(*["d" * 250] * 12)
    deep.mkdir(parents=True)
    shutil.move(root / OTHER.artist, deep)
    first = scan(root)
    # In a deeper place, the path of the folder is longer than the system allows.
    place = tmp_path.joinpath(*["p" * 250] * 4)
    place.mkdir(parents=True)
    assert len(bytes(place / deep.relative_to(root) / OTHER.artist / OTHER.album_name)) < PATH_MAX_BYTES + 500
    moved = root.rename(place / "music")

    second = scan(moved)

    assert second.rejected
    assert {fault.reason for fault in second.rejected} == {"unreadable_folder"}
    assert second.names == first.names
    assert not second.gone


def test_a_picture_in_the_folder_of_an_artist_is_the_cover_of_no_album(root: Path, state: Path) -> None:
    for album in (THIRD, replace(THIRD, album_name="Another")):
        folder = LibraryWriter(root).folder(THIRD.artist, album.album_name)
        (folder / "1.mp3").write_bytes(mp3(tags_of(album)))
    (root / THIRD.artist / "folder.jpg").write_bytes(cover_of(ALBUM))

    with open_library(root, state=state, max_image_bytes=1 << 20) as library:
        ids = scanned(library, library.find_files(may_be_empty=False)).ids

        with pytest.raises(RowFault, match="no cover in"):
            library.covers.find(ids["Another"], None)


def test_an_album_that_returns_has_its_earlier_id(root: Path, scan: Scan, tmp_path: Path) -> None:
    before = scan(root).ids
    away = (root / ALBUM.artist).rename(tmp_path / "away")
    without = scan(root)
    away.rename(root / "back again")
    after = scan(root).ids

    assert without.gone == [before[ALBUM.album_name]]
    assert after == before


def test_a_corrected_name_makes_another_album(root: Path, scan: Scan) -> None:
    before = {album.fields.id for album in scan(root).albums}
    file = root / ALBUM.artist / ALBUM.album_name / "1.mp3"
    file.write_bytes(mp3(replace(tags_of(ALBUM), album="Corrected")))

    after = scan(root)

    assert len({album.fields.id for album in after.albums} - before) == 1
    assert len(after.gone) == 1


def test_two_albums_of_one_name_keep_their_ids_in_every_order(root: Path, scan: Scan) -> None:
    ids: dict[str, str] = {}
    for release in ("r2", "r1", "r3"):
        folder = LibraryWriter(root).folder(release)
        (folder / "1.mp3").write_bytes(mp3(replace(tags_of(THIRD), release_id=release)))
        albums = scan(root).albums
        found = {str(album.metadata.get("musicbrainz_album_id")): album.fields.id for album in albums}
        assert found.items() >= ids.items()
        ids = found

    assert len(set(ids.values())) == len(ids)


def test_a_state_file_in_use_is_refused(root: Path, state: Path) -> None:
    with (
        open_library(root, state=state, max_image_bytes=1),
        pytest.raises(SettingsError, match="another ingest uses this file"),
        open_library(root, state=state, max_image_bytes=1),
    ):
        pass


def test_a_state_file_of_another_version_is_refused_and_closed(root: Path, scan: Scan, state: Path) -> None:
    scan(root)
    with sqlite3.connect(state) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    # The traceback in `refused` keeps every object of the scan, so only `close` can have closed the file.
    with pytest.raises(SettingsError, match="another version") as refused:
        scan(root)
    assert refused.tb is not None
    assert str(state) not in {file.path for file in psutil.Process().open_files()}


def test_pipes_and_hidden_files_are_left_out(root: Path, scan: Scan) -> None:
    os.mkfifo(root / "pipe.mp3")
    (root / ".hidden.mp3").write_bytes(b"x")
    (root / "@eaDir").mkdir()
    (root / "@eaDir" / "1.mp3").write_bytes(b"x")

    assert scan(root).names == sorted([ALBUM.album_name, OTHER.album_name])


def test_a_picture_file_that_is_too_large_is_not_read(root: Path, state: Path) -> None:
    folder = LibraryWriter(root).folder("Large")
    (folder / "1.mp3").write_bytes(mp3(tags_of(THIRD)))
    with (folder / "cover.jpg").open("wb") as file:
        # A sparse file, which takes no room on the disk, but would fill the memory.
        file.truncate(1 << 40)

    with open_library(root, state=state, max_image_bytes=1 << 20) as library:
        ids = scanned(library, library.find_files(may_be_empty=False)).ids
        with pytest.raises(RowFault) as fault:
            library.covers.find(ids[THIRD.album_name], None)

    assert fault.value.reason == "cover_too_large"


def found_albums(scanned: Scanned) -> list[tuple[str, str, object]]:
    return sorted(
        (one.fields.artist, one.fields.album_name, one.metadata["tracks"]) for one in scanned.albums
    )


def add_an_untitled_track(root: Path) -> None:
    untitled = replace(tags_of(ALBUM, 7), album="", album_artist="")
    (root / ALBUM.artist / ALBUM.album_name / "7.mp3").write_bytes(mp3(untitled))


def remove_the_titled_track(root: Path) -> None:
    (root / ALBUM.artist / ALBUM.album_name / "1.mp3").unlink()


def move_the_titled_track(root: Path) -> None:
    (root / ALBUM.artist / ALBUM.album_name / "1.mp3").rename(root / "1.mp3")


def break_the_titled_track(root: Path) -> None:
    (root / ALBUM.artist / ALBUM.album_name / "1.mp3").write_bytes(b"")


def add_another_artist(root: Path) -> None:
    guest = replace(tags_of(ALBUM, 9), artist="Guest", album_artist="")
    (root / ALBUM.artist / ALBUM.album_name / "9.mp3").write_bytes(mp3(guest))


def add_a_disc_with_a_release_id(root: Path) -> None:
    folder = LibraryWriter(root).folder(ALBUM.artist, ALBUM.album_name, "CD 2")
    (folder / "1.mp3").write_bytes(mp3(replace(tags_of(ALBUM), release_id="r1")))


@pytest.mark.parametrize(
    "change",
    [
        remove_the_titled_track,
        move_the_titled_track,
        break_the_titled_track,
        add_another_artist,
        add_a_disc_with_a_release_id,
    ],
)
def test_a_changed_folder_is_grouped_as_in_a_first_scan(
    root: Path, scan: Scan, state: Path, change: Callable[[Path], None]
) -> None:
    add_an_untitled_track(root)
    before = found_albums(scan(root))

    change(root)
    after = found_albums(scan(root))
    state.unlink()

    assert after == found_albums(scan(root))
    assert after != before


def test_a_folder_with_many_files_is_grouped_as_a_whole(root: Path, scan: Scan) -> None:
    folder = LibraryWriter(root).folder("Many")
    for number in range(600):
        tags = tags_of(THIRD, number) if number % 2 else replace(tags_of(THIRD), album="", title=str(number))
        (folder / f"{number:03}.mp3").write_bytes(mp3(tags))

    found = {name: tracks for _, name, tracks in found_albums(scan(root))}

    assert found[THIRD.album_name] == 600


def test_covers_found_while_reading_tags_are_not_read_again(root: Path, state: Path) -> None:
    with open_library(root, state=state, max_image_bytes=1 << 20) as library:
        ids = scanned(library, library.find_files(may_be_empty=False)).ids
        changed = root / ALBUM.artist / ALBUM.album_name / "1.mp3"
        status = changed.stat()
        changed.write_bytes(bytes(status.st_size))
        os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))

        found = library.covers.find(ids[ALBUM.album_name], None)

    # The file has no cover any more, but its size and its time say that it has not changed.
    assert found.source.endswith("/1.mp3")
