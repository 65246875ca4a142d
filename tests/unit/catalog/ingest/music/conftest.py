"""The test library, and a function that scans a library as an ingest does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.ingest.columns.fields import Album
from catalog.ingest.music.library import MusicLibrary, open_library
from catalog.ingest.rejection import Rejected
from tests.music_library.library import write_library
from tests.music_library.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Scanned:
    """The result of one scan of a library."""

    changed_files: int
    albums: list[Album]
    rejected: list[Rejected]
    gone: list[str]

    @property
    def names(self) -> list[str]:
        return sorted(album.fields.album_name for album in self.albums)

    @property
    def ids(self) -> dict[str, str]:
        """The ids of the albums by the albums' names."""
        return {album.fields.album_name: album.fields.id for album in self.albums}


Scan = Callable[..., Scanned]


@pytest.fixture(scope="session")
def whole_library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """The 300 albums of the test library, which tests must not change."""
    folder = tmp_path_factory.mktemp("music") / "library"
    return folder, write_library(folder)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state" / "music.sqlite"


@pytest.fixture
def scan(state: Path) -> Scan:
    """Return a function that scans a folder.

    Tags are read during the first walk, or, if `before_reading` is given, after the walk and its call.
    """

    def scan_folder(root: Path, before_reading: Callable[[], object] | None = None) -> Scanned:
        with open_library(root, state=state, max_image_bytes=10 << 20) as library:
            if before_reading is None:
                changed = library.find_files(may_be_empty=True, while_walking=lambda _: None)
            else:
                changed = library.find_files(may_be_empty=True)
                before_reading()
            return scanned(library, changed)

    return scan_folder


def scanned(library: MusicLibrary, changed: int) -> Scanned:
    library.read_changed_files(advance=lambda _: None)
    found = list(library.albums())
    return Scanned(
        changed,
        [item for item in found if isinstance(item, Album)],
        [item for item in found if isinstance(item, Rejected)],
        library.gone(),
    )
