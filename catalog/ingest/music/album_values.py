"""Derives the fields and the metadata of an album from the tags of its tracks."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic_core import PydanticCustomError

from catalog.ingest.columns.cell_values import read_year
from catalog.ingest.columns.fields import Album, AlbumFields
from catalog.ingest.columns.genres import GENRES_MAX, GenreSplitter
from catalog.ingest.music.grouping import Track, artist_of, comparable, most_common, title_of
from catalog.ingest.rejection import Note
from common.genres import GENRE_MAX_CHARS, genre_key


@dataclass(frozen=True, slots=True)
class _Years:
    """The year of the first release, and the year of this release if it is a reissue."""

    first: int | None
    reissue: int | None
    #: A date without a year, or an empty text.
    unreadable: str


def album_of(tracks: Sequence[Track], *, row: int, album_id: str, genres: GenreSplitter) -> Album:
    """Return the album of the given tracks, which must be ordered by their position."""
    years = _years(tracks)
    fields = AlbumFields(
        id=album_id,
        artist=artist_of(tracks),
        album_name=title_of(tracks),
        genre=_genres(tracks, genres),  # type: ignore[call-arg]
        release_year=years.first,
    )
    detail = f"not a year: {years.unreadable!r:.80}"
    notes = (Note(row, album_id, "date", "not_a_year", detail),) if years.unreadable else ()
    return Album(row, fields, None, _metadata(tracks, years), notes)


def genre_cell(genres: Sequence[str]) -> object:
    """Return the genres of a track as the cell of a table: one text, or a list of several genres."""
    return genres[0] if len(genres) == 1 else list(genres)


def _metadata(tracks: Sequence[Track], years: _Years) -> dict[str, object]:
    values: dict[str, object] = {
        "label": most_common(track.tags.label for track in tracks),
        "catalog_number": most_common(track.tags.catalog_number for track in tracks),
        "musicbrainz_album_id": most_common(track.tags.release_id for track in tracks),
        "musicbrainz_release_group_id": most_common(track.tags.release_group_id for track in tracks),
        "musicbrainz_album_artist_id": most_common(track.tags.album_artist_id for track in tracks),
        "reissue_year": years.reissue,
        "tracks": len({_identity(track) for track in tracks}),
    }
    return {name: value for name, value in values.items() if value}


def _identity(track: Track) -> tuple[int, int, str]:
    """Return a key that is the same for copies of a track in several formats."""
    name = track.tags.title or PurePosixPath(track.path).stem
    return track.disc, track.tags.track, comparable(name)


def _genres(tracks: Sequence[Track], splitter: GenreSplitter) -> tuple[str, ...]:
    """Return the most frequent genres of the tracks; genres of the same frequency keep their order."""
    spellings: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for genres, having_them in Counter(track.tags.genres for track in tracks).items():
        for genre in splitter.read(genre_cell(genres)):
            name = unicodedata.normalize("NFC", str(genre))
            if len(name) <= GENRE_MAX_CHARS:
                key = genre_key(name)
                spellings.setdefault(key, name)
                counts[key] += having_them
    return tuple(spellings[key] for key, _ in counts.most_common(GENRES_MAX))


def _years(tracks: Sequence[Track]) -> _Years:
    original = _years_in(track.tags.original_date for track in tracks)
    release = _years_in(track.tags.date for track in tracks)
    dates = [track.tags.date for track in tracks if track.tags.date]
    # Several discs of an album may have several years; the first release is the earliest one.
    first = min(original, default=None)
    released = release.most_common(1)[0][0] if release else None
    is_reissue = first is not None and released is not None and released > first
    return _Years(
        first=released if first is None else first,
        reissue=released if is_reissue else None,
        unreadable=dates[0] if dates and not release else "",
    )


def _years_in(dates: Iterable[str]) -> Counter[int]:
    """Count the years of the dates that contain a year."""
    years: Counter[int] = Counter()
    for date, tracks in Counter(filter(None, dates)).items():
        with suppress(PydanticCustomError):
            years[read_year(date)] += tracks
    return years
