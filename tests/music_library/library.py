"""Writes the test library: 300 albums in every format, among them the oddities of `oddities.py`."""

from dataclasses import replace
from pathlib import Path

from catalog.demo.albums import DemoAlbum, demo_albums
from tests.music_library.containers import FORMATS
from tests.music_library.manifest import Manifest
from tests.music_library.oddities import ODDITIES
from tests.music_library.writer import LibraryWriter, cover_of, tags_of

#: The number of albums, of which two are releases of one demo album.
ALBUMS = 300
#: The names of picture files beside the tracks.
COVER_FILES = ("cover.jpg", "Folder.jpg", "front.JPG", "album.jpeg")
_FORMATS = tuple(FORMATS.items())


def write_library(root: Path, *, albums: int = ALBUMS) -> Manifest:
    """Write the library to a folder that does not exist yet, and return its manifest."""
    write = LibraryWriter(root)
    root.mkdir(parents=True)
    for number, album in enumerate(demo_albums(albums - 1)):
        if number < len(ODDITIES):
            ODDITIES[number](write, album)
        else:
            _write_plain_album(write, album, number)
    return write.manifest


def _write_plain_album(write: LibraryWriter, album: DemoAlbum, number: int) -> None:
    """Write an album; its number determines the format, the place of the cover and the number of tracks."""
    suffix, write_file = _FORMATS[number % len(_FORMATS)]
    folder = write.folder(album.artist, album.album_name)
    # The format repeats every eight albums, so the place of the cover changes with every eighth album.
    cover, tracks, is_embedded = cover_of(album), 1 + number % 3, number // len(_FORMATS) % 2 == 0
    catalog_number = f"HB {number:03}"
    for track in range(1, tracks + 1):
        tags = tags_of(album, track, cover=cover if is_embedded else None)
        tags = replace(tags, label="Harbour", catalog_number=catalog_number)
        (folder / f"{track:02} {tags.title}{suffix}").write_bytes(write_file(tags))
    if not is_embedded:
        (folder / COVER_FILES[number % len(COVER_FILES)]).write_bytes(cover)
    details: dict[str, object] = {"label": "Harbour", "catalog_number": catalog_number}
    write.expect(album, tracks=tracks, cover=cover, metadata=details)
