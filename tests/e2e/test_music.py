"""`make run MUSIC=FOLDER` serves the albums of a folder of music, and follows its changes."""

import shutil
from pathlib import Path

import httpx
import pytest

from catalog.demo.albums import demo_albums
from local.options import DEMO_MODEL
from tests.e2e.conftest import RunningStack, StartStack
from tests.music_library.containers import mp3
from tests.music_library.library import write_library
from tests.music_library.manifest import Manifest
from tests.music_library.oddities import ODDITIES, names_that_are_not_utf_8
from tests.music_library.writer import cover_of, tags_of

Music = tuple[RunningStack, Path, Manifest]
#: The number of albums that are loaded; the oddities of the test library are among them.
ALBUMS = 60


@pytest.fixture(scope="module")
def music(start_stack: StartStack, tmp_path_factory: pytest.TempPathFactory) -> Music:
    folder = tmp_path_factory.mktemp("a collection") / "Music"
    manifest = write_library(folder, albums=ALBUMS)
    # The system cannot watch a folder with a name that is not UTF-8; other tests cover this album.
    odd = demo_albums(ALBUMS)[ODDITIES.index(names_that_are_not_utf_8)]
    shutil.rmtree(folder / odd.artist)
    manifest.albums = [album for album in manifest.albums if album.album_name != odd.album_name]
    stack = start_stack(MUSIC=str(folder), DEMO_ALBUMS="", CLIP_MODEL=str(DEMO_MODEL))
    stack.wait_until(lambda: "waiting for changes" in stack.read_output())
    return stack, folder, manifest


def test_the_catalog_has_the_albums_of_the_manifest(music: Music) -> None:
    stack, _, manifest = music

    with httpx.Client(base_url=stack.url, timeout=60) as client:
        stats = client.get("/api/stats").raise_for_status().json()

    assert stats["total_albums"] == sum(album.cover_hash is not None for album in manifest.albums)


def test_a_cover_finds_its_album_and_has_a_thumbnail(music: Music) -> None:
    stack, _, manifest = music
    album = demo_albums(ALBUMS)[40]
    assert album.album_name in {expected.album_name for expected in manifest.albums}

    with httpx.Client(base_url=stack.url, timeout=60) as client:
        answer = client.post("/api/search-by-image", params={"k": 1}, files={"file": cover_of(album)})
        (found,) = answer.raise_for_status().json()["results"]
        thumbnail = client.get(found["thumbnail_urls"]["256"])

    assert (found["artist"], found["album_name"]) == (album.artist, album.album_name)
    assert found["similarity"] > 0.99
    assert thumbnail.headers["content-type"] == "image/webp"


def test_a_new_album_is_found_while_the_service_runs(music: Music) -> None:
    stack, folder, _ = music
    album = demo_albums(ALBUMS + 50)[-1]
    (folder / "New").mkdir()
    (folder / "New" / "1.mp3").write_bytes(mp3(tags_of(album, cover=cover_of(album))))

    with httpx.Client(base_url=stack.url, timeout=60) as client:

        def first_result() -> dict[str, object]:
            answer = client.post("/api/search-by-image", params={"k": 1}, files={"file": cover_of(album)})
            result: dict[str, object] = answer.raise_for_status().json()["results"][0]
            return result

        stack.wait_until(lambda: first_result()["album_name"] == album.album_name)


def test_a_folder_that_does_not_exist_is_reported(start_stack: StartStack) -> None:
    stack = start_stack(MUSIC="/no/such/folder", DEMO_ALBUMS="", serves=False)

    assert stack.process.wait(60) == 2
    assert "MUSIC: /no/such/folder is not a folder" in stack.read_output()
