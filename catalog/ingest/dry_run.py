"""Shows what an ingest of a table would do, without a model, a catalog or the network."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console

from catalog.ingest.album_source import AlbumSource
from catalog.ingest.columns.fields import COVER, GENRE, METADATA, Album
from catalog.ingest.columns.storable_json import printable
from catalog.ingest.covers.folder import CoverFolder
from catalog.ingest.covers.releases.locations import is_release_location
from catalog.ingest.rejection import Rejected, RowFault

#: The number of albums that are shown.
SHOWN = 10
#: The maximum number of characters that are shown of one value.
_VALUE_MAX_CHARS = 300


@dataclass(slots=True)
class _Counts:
    """The number of albums, of rejected rows by reason, and of notes by column and reason."""

    albums: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)


def show_albums(source: AlbumSource, console: Console) -> bool:
    """Print the first albums and all rows with a fault, and return whether no row has a fault.

    Names of cover files are looked up, but no cover is read.
    """
    # Standard output is for results.
    out = Console(soft_wrap=True, highlight=False, markup=False)
    counts = _Counts()
    for item in source.albums():
        checked = item if isinstance(item, Rejected) else _check_cover(source, item)
        if isinstance(checked, Rejected):
            counts.rejected[checked.reason] += 1
            out.print(f"row {checked.row} would be rejected: {checked.reason}: {checked.detail}")
            continue
        album, cover = checked
        counts.albums += 1
        if counts.albums <= SHOWN:
            out.print("\n  ".join([f"row {album.row} would be this album:", *_described(album, cover)]))
        for note in album.notes:
            counts.notes[note.column, note.reason] += 1
            out.print(f"row {note.row} would lose a value: {note.column}: {note.reason}: {note.detail}")
    _say(console, counts)
    return not counts.rejected and not counts.notes


def _check_cover(source: AlbumSource, album: Album) -> tuple[Album, str] | Rejected:
    """Return the album and the location of its cover, or a rejection if it has none."""
    if source.finds_covers and is_release_location(album.cover):
        return album, f"{album.cover} (Cover Art Archive)"
    try:
        cover = source.covers.find(album.fields.id, album.cover).source
    except RowFault as fault:
        return Rejected(album.row, album.fields.id, fault.reason, fault.detail)
    # Path.is_file() raises an error if the name is too long for the file system.
    if isinstance(source.covers, CoverFolder) and not os.path.isfile(source.covers.folder / cover):  # noqa: PTH113
        detail = f"{cover!r:.200} is no file in the folder of covers"
        return Rejected(album.row, album.fields.id, "missing_cover", detail)
    return album, cover


def _described(album: Album, cover: str) -> Iterator[str]:
    """Yield a line for each field that has a value."""
    values = album.fields.model_dump(exclude={"genres"}) | {
        GENRE: ", ".join(album.fields.genres),
        COVER: cover,
        METADATA: json.dumps(album.metadata, ensure_ascii=False) if album.metadata else None,
    }
    for name, value in values.items():
        if value is not None and value is not False and value != "":
            yield f"{name}: {printable(str(value)[:_VALUE_MAX_CHARS])}"


def _say(console: Console, counts: _Counts) -> None:
    rejected = counts.rejected.total()
    console.print(
        f"{counts.albums} albums, {rejected} rejected rows; this was a dry run, nothing was written"
    )
    for reason, count in counts.rejected.most_common():
        console.print(f"  {count} {reason}", markup=False)
    for (column, reason), count in counts.notes.most_common():
        console.print(f"  {count} {column}: {reason}, the value is left out", markup=False)
