"""Tracks are grouped by release id, otherwise by album artist and album, otherwise by folder."""

from collections import defaultdict
from itertools import groupby

import pytest

from catalog.ingest.music.grouping import (
    Track,
    album_folder,
    album_keys,
    artist_of,
    title_of,
    without_disc,
)
from catalog.ingest.music.track_tags import TrackTags


def track(path: str, **tags: object) -> Track:
    return Track(path, TrackTags(**tags))  # type: ignore[arg-type]


def albums(*tracks: Track) -> list[set[str]]:
    """Return the paths of the tracks of each album."""
    found: dict[str, set[str]] = defaultdict(set)
    by_folder = sorted(tracks, key=lambda one: album_folder(one.path))
    for _, folder in groupby(by_folder, key=lambda one: album_folder(one.path)):
        for member, key in album_keys(list(folder)):
            found[key.key].add(member.path)
    return sorted(found.values(), key=sorted)


def test_split_folders_of_one_album_artist_and_album_are_one_album() -> None:
    found = albums(
        track("a/1.mp3", album="Rain", album_artist="Ann", artist="Ann feat. Bo"),
        track("b/2.mp3", album=" RAIN", album_artist="ann", artist="Cy"),
    )

    assert found == [{"a/1.mp3", "b/2.mp3"}]


def test_a_release_id_comes_before_names() -> None:
    found = albums(
        track("a/1.mp3", album="Rain", album_artist="Ann", release_id="r1"),
        track("b/1.mp3", album="Rain", album_artist="Ann", release_id="r2"),
        track("c/2.mp3", album="Rain (Live)", album_artist="Bo", release_id="R1"),
    )

    assert found == [{"a/1.mp3", "c/2.mp3"}, {"b/1.mp3"}]


def test_tracks_without_a_release_id_join_the_only_release_of_their_folder() -> None:
    found = albums(
        track("a/1.mp3", album="Rain", album_artist="Ann", release_id="r1"),
        track("a/2.mp3", album="Rain", album_artist="Ann"),
    )

    assert found == [{"a/1.mp3", "a/2.mp3"}]


def test_albums_of_one_name_by_two_artists_are_two_albums() -> None:
    found = albums(
        track("a/1.mp3", album="Greatest Hits", artist="Ann"),
        track("b/1.mp3", album="Greatest Hits", artist="Bo"),
    )

    assert found == [{"a/1.mp3"}, {"b/1.mp3"}]


def test_several_artists_in_a_folder_are_a_compilation() -> None:
    tracks = [track("a/1.mp3", album="Hits", artist="Ann"), track("a/2.mp3", album="Hits", artist="Bo")]

    assert albums(*tracks) == [{"a/1.mp3", "a/2.mp3"}]
    assert artist_of(tracks) == "Various Artists"


def test_a_guest_does_not_make_a_compilation() -> None:
    tracks = [
        track("a/1.mp3", album="Rain", artist="Ann"),
        track("a/2.mp3", album="Rain", artist="Ann feat. Bo"),
        track("a/3.mp3", album="Rain", artist="Ann (ft. Cy)"),
    ]

    assert artist_of(tracks) == "Ann"


@pytest.mark.parametrize("name", ["VA", "various", "V.A.", "Various Artists"])
def test_spellings_of_various_artists_are_one_artist(name: str) -> None:
    assert artist_of([track("a/1.mp3", album="Hits", album_artist=name)]) == "Various Artists"


def test_tracks_without_an_album_join_the_only_album_of_their_folder() -> None:
    found = albums(
        track("a/1.mp3", album="Rain", artist="Ann"),
        track("a/2.mp3", artist="Ann"),
    )

    assert found == [{"a/1.mp3", "a/2.mp3"}]


def test_tracks_without_an_album_do_not_join_a_smaller_album() -> None:
    found = albums(track("a/1.mp3", album="Rain", artist="Ann"), track("a/2.mp3"), track("a/3.mp3"))

    assert found == [{"a/1.mp3"}, {"a/2.mp3", "a/3.mp3"}]


def test_folders_of_discs_are_one_folder() -> None:
    tracks = [track("Ann/Rain/CD1/1.mp3"), track("Ann/Rain/Disc 2 - Live/1.mp3")]

    assert albums(*tracks) == [{one.path for one in tracks}]
    assert (artist_of(tracks), title_of(tracks)) == ("Ann", "Rain")
    assert [one.disc for one in tracks] == [1, 2]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("Ann/Rain/1.mp3", ("Ann", "Rain")),
        ("Ann - Rain/1.mp3", ("Ann", "Rain")),
        ("Rain/1.mp3", ("Unknown Artist", "Rain")),
        ("1.mp3", ("Unknown Artist", "Unknown Album")),
    ],
)
def test_folders_name_albums_without_tags(path: str, names: tuple[str, str]) -> None:
    assert (artist_of([track(path)]), title_of([track(path)])) == names


@pytest.mark.parametrize(
    ("title", "without"),
    [
        ("Rain (Disc 1)", "Rain"),
        ("Rain [CD2]", "Rain"),
        ("Rain - CD 1", "Rain"),
        ("Rain, Disc 2 of 3", "Rain"),
        ("Rain Disk 1", "Rain"),
        ("CD 1", "CD 1"),
        ("Rain Vol. 2", "Rain Vol. 2"),
        ("Rain (Deluxe)", "Rain (Deluxe)"),
        ("Macd 1", "Macd 1"),
    ],
)
def test_the_number_of_a_disc_is_removed_from_a_name(title: str, without: str) -> None:
    assert without_disc(title) == without
