"""The values of an album follow from the tags of its tracks."""

import pytest

from catalog.ingest.columns.fields import Album
from catalog.ingest.columns.genres import GenreSplitter
from catalog.ingest.music.album_values import album_of
from catalog.ingest.music.grouping import Track
from catalog.ingest.music.track_tags import TrackTags


def album(*tags: TrackTags) -> Album:
    tracks = [Track(f"a/{number}.mp3", each) for number, each in enumerate(tags)]
    return album_of(tracks, row=1, album_id="x", genres=GenreSplitter())


@pytest.mark.parametrize(
    ("date", "original", "year", "reissue"),
    [
        ("1999-00-00", "", 1999, None),
        ("2011", "1973-03-01", 1973, 2011),
        ("1973-03-01", "1973", 1973, None),
        ("", "1973", 1973, None),
        ("1973", "0000", 1973, None),
        ("", "", None, None),
    ],
)
def test_the_year_is_the_year_of_the_first_release(
    date: str, original: str, year: int | None, reissue: int | None
) -> None:
    found = album(TrackTags(album="A", date=date, original_date=original))

    assert found.fields.release_year == year
    assert found.metadata.get("reissue_year") == reissue


def test_a_date_without_a_year_is_noted() -> None:
    found = album(TrackTags(album="A", date="someday"))

    assert found.fields.release_year is None
    assert [(note.column, note.reason) for note in found.notes] == [("date", "not_a_year")]


def test_genres_are_ordered_by_their_number_of_tracks() -> None:
    found = album(
        TrackTags(album="A", genres=("Jazz",)),
        TrackTags(album="A", genres=("Dub; rock",)),
        TrackTags(album="A", genres=("Rock", "x" * 1000)),
    )

    assert found.fields.genres == ("rock", "Jazz", "Dub")


def test_copies_in_another_format_are_not_counted_as_tracks() -> None:
    found = album(
        TrackTags(album="A", title="One", track=1),
        TrackTags(album="A", title="ONE", track=1),
        TrackTags(album="A", title="Two", track=2),
        TrackTags(album="A", title="Two", track=2, disc=2),
    )

    assert found.metadata["tracks"] == 3
