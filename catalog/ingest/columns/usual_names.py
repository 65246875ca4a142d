"""The usual names of columns in public data sets and exports, by field.

The names occur in data sets of Pitchfork and Rate Your Music on Kaggle and Hugging Face, in exports of
Discogs, MusicBrainz, Last.fm and Spotify, and in tags of music files. `column_key` compares names.
"""

from collections.abc import Mapping
from types import MappingProxyType

from catalog.ingest.columns.fields import (
    CATALOG_NUMBER,
    COVER,
    DISCOGS_RELEASE,
    GENRE,
    LABEL,
    MUSICBRAINZ_RELEASE,
    MUSICBRAINZ_RELEASE_GROUP,
    SCORE,
)

Names = frozenset[str]


def _ranks(*ranks: str) -> tuple[Names, ...]:
    return tuple(frozenset(names.split()) for names in ranks)


#: The number of leading ranks whose columns have the same meaning; if the column of one rank is empty in a
#: row, the next of these columns is used for the row. In tags of music files, for instance, the album artist
#: is often empty except in compilations.
SAME_MEANING: Mapping[str, int] = MappingProxyType({"artist": 4, "release_year": 4})
#: Maps each field, and each key of the metadata, to sets of names in the order of preference. A table is
#: ambiguous if two of its columns have names in the same set.
USUAL_NAMES: Mapping[str, tuple[Names, ...]] = MappingProxyType(
    {
        "id": _ranks("albumid reviewid", "releaseid recordid", "rymalbum"),
        "artist": _ranks(
            "albumartist albumartists albumartistname albumartistnames",
            "artist artistname",
            "artists artistnames artistsname artistcredit",
            "performer performers band bandname",
        ),
        "album_name": _ranks(
            "albumname albumtitle releasename releasetitle",
            "album albums title release record recordtitle",
        ),
        GENRE: _ranks(
            "genre genres",
            "primarygenre primarygenres maingenre",
            "style styles",
            "artistgenre artistgenres",
        ),
        "release_year": _ranks(
            "originalyear originalreleaseyear originaldate originalreleasedate firstreleasedate",
            "releaseyear releasedyear yearreleased yearofrelease albumyear",
            "year",
            "releasedate released datereleased albumreleasedate",
            "date",
            "pubyear",
            "pubdate publicationdate",
        ),
        SCORE: _ranks("pitchforkscore", "score", "rating"),
        "best_new_music": _ranks("bestnewmusic isbestnewmusic bnm"),
        "reviewer": _ranks("reviewer reviewername reviewauthor", "author authors critic"),
        COVER: _ranks(
            "coverurl coverarturl coverimageurl albumarturl albumcoverurl albumimageurl artworkurl",
            "cover coverart coverimage coverfile albumart albumcover artwork",
            "image imageurl img imgurl picture pictureurl",
            "thumbnail thumbnailurl thumb",
            "url link",
        ),
        LABEL: _ranks("label labels labelname", "recordlabel recordlabels"),
        CATALOG_NUMBER: _ranks(
            "catalognumber cataloguenumber catalogno catalogueno catno", "catalog catalogue"
        ),
        MUSICBRAINZ_RELEASE: _ranks(
            "musicbrainzalbumid musicbrainzreleaseid releasembid albummbid mbreleaseid mbalbumid mbzalbumid",
            "mbid musicbrainzid",
            "releaseid releasegid",
        ),
        MUSICBRAINZ_RELEASE_GROUP: _ranks(
            "musicbrainzreleasegroupid releasegroupmbid mbreleasegroupid mbzreleasegroupid",
            "releasegroupid releasegroupgid",
        ),
        DISCOGS_RELEASE: _ranks(
            "discogsreleaseid discogsid discogsrelease discogsalbumid", "discogsurl discogslink"
        ),
    }
)
