"""A music library as the source of an ingest: scans the folder, and yields its albums."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from catalog.ingest.columns.fields import Album
from catalog.ingest.columns.genres import GenreSplitter, genre_splitter_of_counts
from catalog.ingest.columns.storable_json import printable
from catalog.ingest.music.album_values import album_of, genre_cell
from catalog.ingest.music.covers import LibraryCovers
from catalog.ingest.music.folder_walk import FolderWalk, FoundFile, UnreadableFolder
from catalog.ingest.music.state.album_groups import AlbumGroups
from catalog.ingest.music.state.album_ids import AlbumIds
from catalog.ingest.music.state.cover_records import CoverRecords
from catalog.ingest.music.state.database import StateDatabase
from catalog.ingest.music.state.track_records import TrackRecords
from catalog.ingest.music.tag_reader import ReadFile
from catalog.ingest.music.tag_reading import read_files
from catalog.ingest.rejection import Rejected
from common.errors import SettingsError

#: With fewer files, transactions take a large part of the time; a killed run reads these files again.
_FILES_PER_TRANSACTION = 1000


class MusicLibrary:
    """A folder of music with its state file; call `find_files` and `read_changed_files` before `albums`."""

    def __init__(
        self, root: Path, database: StateDatabase, *, max_image_bytes: int, listed_genres: Sequence[str] = ()
    ) -> None:
        self.root = root
        self._listed_genres = listed_genres
        self._tracks = TrackRecords(database)
        self._cover_records = CoverRecords(database)
        self._groups = AlbumGroups(database)
        self._ids = AlbumIds(database)
        self.covers = LibraryCovers(
            root, tracks=self._tracks, records=self._cover_records, max_bytes=max_image_bytes
        )
        self._unreadable: list[UnreadableFolder] = []
        self._genres = GenreSplitter()
        #: The id and the key of every album of the last scan.
        self._albums: list[tuple[str, str]] = []

    @property
    def album_count(self) -> int:
        return len(self._albums)

    @property
    def row_count(self) -> int:
        """The number of albums and rejections that `albums` yields."""
        return len(self._albums) + len(self._unreadable) + len(self._tracks.faults())

    @property
    def track_count(self) -> int:
        return self._tracks.count_tracks()

    @property
    def unread_count(self) -> int:
        """The number of files whose tags `read_changed_files` reads."""
        return self._tracks.count_unread()

    def version(self) -> str:
        """Return a text that differs between two walks if files were added, changed or removed."""
        return self._tracks.version_of_found()

    def find_files(self, *, may_be_empty: bool, while_walking: Callable[[int], None] | None = None) -> int:
        """Walk through the folder, and return the number of files whose tags must still be read.

        With `while_walking`, the first walk through a library also reads the tags of the files that it finds,
        and calls the function with their numbers.

        Raises:
            SettingsError: the folder cannot be read, or has no music although an earlier run found some.
        """
        walk = FolderWalk(self.root)
        try:
            if while_walking is None or self._tracks.count_tracks():
                self._tracks.record_found(walk.files())
            else:
                self._read_during(walk, advance=while_walking)
        except OSError as error:
            raise SettingsError(f"--music {self.root}: {error.strerror}") from error
        known = self._tracks.count_tracks()
        if known and not self._tracks.count_found() and not may_be_empty:
            raise SettingsError(
                f"--music {self.root}: it has no music, and {known} files were found before; is its disk "
                "mounted? If it really is empty, --prune --yes removes all its albums"
            )
        self._unreadable = walk.unreadable
        self._tracks.apply_found(unreadable_folders=[folder.path for folder in walk.unreadable])
        self._cover_records.forget_removed()
        return self._tracks.count_unread()

    def read_changed_files(self, *, advance: Callable[[int], None]) -> None:
        """Read the tags of new and changed files, and group all tracks into albums."""
        for read in _merged(read_files(self.root, self._tracks.unread())):
            self._tracks.save_tags(read)
            advance(len(read))
        self._groups.update()
        self._ids.assign(self._tracks.tracks_of_group)
        self._albums = self._ids.of_this_run()
        genres = ((genre_cell(names), tracks) for names, tracks in self._groups.genres())
        self._genres = genre_splitter_of_counts(genres, listed=self._listed_genres)

    def _read_during(self, walk: FolderWalk, *, advance: Callable[[int], None]) -> None:
        """Read the tags of the files of a walk.

        Links are left out, because only the end of the walk shows whether they lead to files of the library.
        """
        waiting: dict[str, FoundFile] = {}

        def folders() -> Iterator[list[str]]:
            for found in self._tracks.recording_found(walk.files()):
                tracks = {file.path: file for file in found if not (file.is_picture or file.is_link)}
                waiting.update(tracks)
                yield list(tracks)

        for read in _merged(read_files(self.root, folders())):
            self._tracks.add_tracks([(waiting.pop(file.path), file) for file in read])
            advance(len(read))

    def albums(self) -> Iterator[Album | Rejected]:
        """Yield the albums, and a rejection for every file and folder that cannot be read."""
        rows = count(1)
        for folder in self._unreadable:
            path = printable(folder.path)
            yield Rejected(next(rows), "", "unreadable_folder", f"{path}: {folder.reason}")
        for path, fault in self._tracks.faults():
            yield Rejected(next(rows), "", "unreadable_file", f"{printable(path)}: {fault}")
        for album_id, key in self._albums:
            tracks = self._tracks.tracks_of_group(key)
            yield album_of(tracks, row=next(rows), album_id=album_id, genres=self._genres)

    def gone(self) -> list[str]:
        """Return the ids of albums that earlier runs found and that are no longer in the folder."""
        return self._ids.gone()

    def all_ids(self) -> list[str]:
        """Return the ids of all albums that were ever found in the folder."""
        return self._ids.all()


def _merged(lists: Iterable[list[ReadFile]]) -> Iterator[list[ReadFile]]:
    """Join lists until they are large enough for a transaction."""
    joined: list[ReadFile] = []
    for read in lists:
        joined += read
        if len(joined) >= _FILES_PER_TRANSACTION:
            yield joined
            joined = []
    if joined:
        yield joined


@contextmanager
def open_library(
    root: Path, *, state: Path, max_image_bytes: int, listed_genres: Sequence[str] = ()
) -> Iterator[MusicLibrary]:
    """Open a music library with its state file.

    Raises:
        SettingsError: the folder does not exist, or the state file cannot be used.
    """
    if not root.is_dir():
        raise SettingsError(f"--music {root}: there is no such folder")
    with closing(StateDatabase(state)) as database:
        yield MusicLibrary(root, database, max_image_bytes=max_image_bytes, listed_genres=listed_genres)
