"""Groups the tracks of a folder into albums.

A track belongs to the album of its MusicBrainz release id, otherwise of its album artist and album, otherwise
of its folder. The folders of discs, such as `CD 1`, count as one folder.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

from catalog.ingest.columns.storable_json import printable
from catalog.ingest.music.track_tags import TrackTags

VARIOUS_ARTISTS = "Various Artists"
UNKNOWN_ARTIST, UNKNOWN_ALBUM = "Unknown Artist", "Unknown Album"
_VARIOUS = frozenset({"various", "various artists", "va", "v.a.", "v/a", "v. a.", "various artist"})
_DISC_FOLDER = re.compile(r"(?:cd|dis[ck])[\s._#-]*(\d{1,2})(?:\D.*)?", re.IGNORECASE)
#: The end of an album's name that names a disc, as in `Album (Disc 1)` and `Album, CD 2 of 3`.
_DISC = r"(?:cd|dis[ck])\s*[.#]?\s*\d{1,2}(?:\s*(?:/|of)\s*\d{1,2})?"
_DISC_SUFFIX = re.compile(rf"(?:\s*[(\[]\s*{_DISC}\s*[)\]]|\s*[-,:]?\s+{_DISC})\s*$", re.IGNORECASE)
_GUEST = re.compile(r"\s+[(\[]?(?:feat\.?|ft\.|featuring)\s.*", re.IGNORECASE)


class Track(NamedTuple):
    """A track and the path of its file relative to the library."""

    path: str
    tags: TrackTags

    @property
    def folder(self) -> str:
        return _parent(self.path)

    @property
    def disc(self) -> int:
        """The number of the disc, from the tags or the folder, or 0."""
        return self.tags.disc or _folder_and_disc(self.folder)[1]

    @property
    def position(self) -> tuple[int, int, str]:
        """The key by which the tracks of an album are ordered."""
        return self.disc, self.tags.track, self.path


class AlbumKey(NamedTuple):
    """The keys of the album of one track."""

    #: Identifies the album within a library at present.
    key: str
    #: The part of the key without the MusicBrainz release id.
    by_name: str
    #: The album's name in the form in which names are compared.
    title: str
    #: The artist and the album in the tags of this folder's tracks, in the form in which names are compared.
    names: str = ""


def album_folder(path: str) -> str:
    """Return the folder of an album: the folder of the track, or the folder above a folder of a disc."""
    return _folder_and_disc(_parent(path))[0]


@lru_cache(maxsize=256)
def _folder_and_disc(folder: str) -> tuple[str, int]:
    """Return the album's folder and the number of the disc, if the folder's name has one, or 0."""
    found = _DISC_FOLDER.fullmatch(_name(folder))
    return (folder, 0) if found is None else (_parent(folder), int(found[1]))


def album_keys(tracks: Sequence[Track]) -> Iterator[tuple[Track, AlbumKey]]:
    """Yield the tracks of one album folder, each with the keys of its album."""
    keyed = list(_keys(tracks))
    by_key: dict[str, list[Track]] = defaultdict(list)
    for track, key in keyed:
        by_key[key.key].append(track)
    names = {album: names_of(members) for album, members in by_key.items()}
    for track, (album, by_name, title, _) in keyed:
        yield track, AlbumKey(album, by_name, title, names[album])


def names_of(tracks: Sequence[Track]) -> str:
    """Return the artist and the album of tracks in the form in which names are compared."""
    return f"{comparable(artist_of(tracks))}\n{comparable(title_of(tracks))}"


def _keys(tracks: Sequence[Track]) -> Iterator[tuple[Track, AlbumKey]]:
    titled: dict[str, list[Track]] = defaultdict(list)
    untitled: list[Track] = []
    for track in tracks:
        title = comparable(without_disc(track.tags.album))
        (titled[title] if title else untitled).append(track)
    if len(titled) == 1 and len(untitled) <= len(next(iter(titled.values()))):
        # Most of the folder is one album, and some of its tracks lack the name of the album.
        next(iter(titled.values())).extend(untitled)
        untitled = []
    for title, members in titled.items():
        yield from _keys_by_name(members, title)
    for track in untitled:
        folder = printable(album_folder(track.path))
        title, by_folder = comparable(PurePosixPath(folder).name), f"folder:{folder}"
        release = track.tags.release_id.lower()
        yield track, AlbumKey(f"release:{release}" if release else by_folder, by_folder, title)


def _keys_by_name(tracks: Sequence[Track], title: str) -> Iterator[tuple[Track, AlbumKey]]:
    releases = {track.tags.release_id.lower() for track in tracks} - {""}
    artists = {track.tags.album_artist for track in tracks} - {""}
    shared_release = next(iter(releases)) if len(releases) == 1 else ""
    # The artist of tracks without an album artist.
    shared_artist = next(iter(artists)) if len(set(map(_artist_key, artists))) == 1 else artist_of(tracks)
    for track in tracks:
        artist = _artist_key(track.tags.album_artist or shared_artist)
        by_name = f"name:{artist}\n{title}"
        release = track.tags.release_id.lower() or shared_release
        yield track, AlbumKey(f"release:{release}" if release else by_name, by_name, title)


def artist_of(tracks: Sequence[Track]) -> str:
    """Return the artist of an album: the album artist, or the artist of the tracks, or a folder's name."""
    if album_artist := most_common(track.tags.album_artist for track in tracks):
        return VARIOUS_ARTISTS if _artist_key(album_artist) in _VARIOUS else album_artist
    artists = [_GUEST.sub("", track.tags.artist) for track in tracks if track.tags.artist]
    is_compilation = any(track.tags.is_compilation for track in tracks)
    if is_compilation or len(set(map(_artist_key, artists))) > 1:
        return VARIOUS_ARTISTS
    return most_common(artists) or _names_of_folder(tracks[0].path)[0]


def title_of(tracks: Sequence[Track]) -> str:
    """Return the name of an album, or the name of its folder if no track has the name of an album."""
    titles = (without_disc(track.tags.album) for track in tracks)
    return most_common(titles) or _names_of_folder(tracks[0].path)[1]


def most_common(texts: Iterable[str]) -> str:
    """Return the most common text that is not empty, in Unicode's composed form, or an empty text."""
    counts = Counter(filter(None, texts))
    if len(counts) > 1:
        counts = Counter(unicodedata.normalize("NFC", text) for text in counts.elements())
    return unicodedata.normalize("NFC", counts.most_common(1)[0][0]) if counts else ""


def comparable(name: str) -> str:
    """Return a name in the form in which names are compared: without case and without other Unicode forms."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


@lru_cache(maxsize=256)
def without_disc(title: str) -> str:
    """Return an album's name without the number of a disc, unless nothing else would be left."""
    return _DISC_SUFFIX.sub("", title) or title


def _artist_key(artist: str) -> str:
    key = comparable(artist)
    return comparable(VARIOUS_ARTISTS) if key in _VARIOUS else key


def _names_of_folder(path: str) -> tuple[str, str]:
    """Return the artist and the album that the names of folders give, such as `Artist/Album`."""
    folder = PurePosixPath(printable(album_folder(path)))
    artist, separator, title = folder.name.partition(" - ")
    if separator and artist.strip() and title.strip():
        return artist.strip(), title.strip()
    return folder.parent.name or UNKNOWN_ARTIST, folder.name or UNKNOWN_ALBUM


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
