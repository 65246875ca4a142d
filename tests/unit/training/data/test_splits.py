"""The data is split by artist: each artist is in exactly one part and always in the same part."""

import pytest

from catalog.demo.albums import demo_albums
from catalog.ingest.columns.fields import Album, AlbumFields
from common.errors import SettingsError
from training.data.splits import Part, Shares, split

SHARES = Shares(validation=0.1, held_out=0.2)


def album(artist: str, number: int = 0) -> Album:
    fields = AlbumFields(id=f"{artist}-{number}", artist=artist, album_name="Untitled")
    return Album(row=1, fields=fields, cover=None, metadata={})


ALBUMS = [album(demo.artist, number) for number, demo in enumerate(demo_albums(2000))]


def test_the_parts_share_no_artist_and_cover_every_album() -> None:
    parts = split(ALBUMS, SHARES)

    artists = [{ALBUMS[place].fields.artist for place in places} for places in parts.values()]

    assert sum(map(len, parts.values())) == len(ALBUMS)
    assert sum(map(len, artists)) == len(set.union(*artists))


def test_the_parts_have_approximately_their_shares() -> None:
    parts = split(ALBUMS, SHARES)

    assert 0.14 < len(parts[Part.HELD_OUT]) / len(ALBUMS) < 0.26
    assert 0.06 < len(parts[Part.VALIDATION]) / len(ALBUMS) < 0.14


def test_an_artist_keeps_its_part_when_albums_or_spellings_change() -> None:
    before = {album.fields.artist: SHARES.part_of(album.fields.artist) for album in ALBUMS[:100]}

    assert all(SHARES.part_of(f"  {artist.upper()} ") is part for artist, part in before.items())


def test_a_larger_validation_part_leaves_the_held_out_part_unchanged() -> None:
    wider = Shares(validation=0.4, held_out=0.2)

    assert split(ALBUMS, wider)[Part.HELD_OUT] == split(ALBUMS, SHARES)[Part.HELD_OUT]


def test_too_few_artists_are_refused_only_for_a_part_with_a_share() -> None:
    one_artist = [album("Only One", number) for number in range(5)]

    with pytest.raises(SettingsError, match="too few artists"):
        split(one_artist, Shares(validation=0.1, held_out=0.1))

    assert split(one_artist, Shares(validation=0.0, held_out=0.0))[Part.TRAIN] == [0, 1, 2, 3, 4]
