"""The command-line arguments of an ingest of a music library."""

import argparse
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.ingest.columns.genres import parse_genre_list
from catalog.ingest.music.library import MusicLibrary, open_library
from common.errors import SettingsError
from common.settings import Settings

#: The subfolder of MODEL_CACHE_DIR for the state files of libraries.
_STATE_FOLDER = "music"


def add_music_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for a music library."""
    add = parser.add_argument
    add("--music", type=Path, metavar="FOLDER", help="without a table: load the albums of a folder of music")
    add(
        "--state",
        type=Path,
        metavar="FILE",
        help="file that remembers what was read from the music (default: a file in MODEL_CACHE_DIR/music)",
    )
    add(
        "--prune",
        action="store_true",
        help="delete albums that are gone from the music folder",
    )
    add("--yes", action="store_true", help="let --prune delete more than a fifth of the albums")
    add(
        "--watch",
        action="store_true",
        help="keep running, and load changes of the music folder",
    )


@contextmanager
def open_music(options: argparse.Namespace, settings: Settings) -> Iterator[MusicLibrary]:
    """Open the music library.

    Raises:
        SettingsError: the folder or the state file cannot be used, or an argument belongs to tables only.
    """
    of_table = (options.table, options.covers, options.preset, options.map or None, options.dry_run or None)
    if any(option is not None for option in of_table):
        raise SettingsError("ingest --music takes no table, --covers, --map, --preset and --dry-run")
    if "{file}" in (options.cover_url or ""):
        raise SettingsError("--cover-url {file}: a cover may be inside a music file; use {id}")
    with open_library(
        options.music,
        state=options.state or _default_state(options.music, settings),
        max_image_bytes=settings.max_image_bytes,
        listed_genres=parse_genre_list(options.genres) if options.genres else (),
    ) as library:
        yield library


def music_report_path(options: argparse.Namespace) -> Path:
    """Return the path of the report, which has the name of the music folder unless another one is given."""
    path: Path = options.report or Path(f"{options.music.resolve().name or 'music'}-rejected.csv")
    return path


def _default_state(root: Path, settings: Settings) -> Path:
    # The file is not in the music folder, which may be read-only.
    name = hashlib.sha256(bytes(root.resolve())).hexdigest()[:16]
    return settings.model_cache_dir.expanduser() / _STATE_FOLDER / f"{name}.sqlite"
