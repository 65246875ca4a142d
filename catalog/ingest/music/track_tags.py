"""The tags of one track, and how they are read from an audio file."""

import io
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Self

import orjson
from tinytag import TinyTag, TinyTagException

from catalog.ingest.music.latin_1_repair import repaired_tag

_UNREADABLE = "\N{REPLACEMENT CHARACTER}"
#: Characters that no name contains: the byte order mark, and control characters.
_INVISIBLE = re.compile("[\N{ZERO WIDTH NO-BREAK SPACE}\x00-\x08\x0e-\x1f\x7f]")
_NOT_ALPHANUMERIC = re.compile("[^a-z0-9]")
_TRUE = frozenset({"1", "true", "yes"})


class TrackTags(NamedTuple):
    """The tags that describe a track and its album; an absent tag is an empty text or 0.

    A named tuple is created four times as fast as a frozen dataclass, and a scan creates one for each track.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    track: int = 0
    disc: int = 0
    #: The dates of this release and of the first release, as they are written in the tags.
    date: str = ""
    original_date: str = ""
    genres: tuple[str, ...] = ()
    label: str = ""
    catalog_number: str = ""
    #: MusicBrainz ids of the release, of its release group and of its artist.
    release_id: str = ""
    release_group_id: str = ""
    album_artist_id: str = ""
    is_compilation: bool = False

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Return the tags from a JSON object, which contains only the tags that are present."""
        return cls.of(orjson.loads(document))

    @classmethod
    def of(cls, present: Mapping[str, Any]) -> Self:
        """Return the tags from those that are present, by the names of the fields."""
        return cls(**{**present, "genres": tuple(present.get("genres", ()))})


#: The names of tags, in lower case without punctuation, in the order in which they are preferred. ID3 has the
#: names of frames and the names that MusicBrainz Picard gives to TXXX frames.
_NAMES = {
    "original_date": (
        *("tdor", "tory", "tor", "originaldate", "originalreleasetime"),
        *("originalyear", "originalreleaseyear"),
    ),
    "label": ("label", "publisher", "organization"),
    "catalog_number": ("catalognumber", "catalogno", "labelno"),
    "release_id": ("musicbrainzalbumid",),
    "release_group_id": ("musicbrainzreleasegroupid",),
    "album_artist_id": ("musicbrainzalbumartistid",),
}
_ALBUM_ARTIST = "albumartist"
_COMPILATION = ("tcmp", "tcp", "compilation", "cpil", "iscompilation", "itunescompilation")


def parse_tags(
    path: str, *, content: bytes | None = None, duration: bool = False, pictures: bool = False
) -> TinyTag:
    """Return what tinytag reads from an audio file, or from `content` instead of the file's content.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is empty, or is not a file of the format that its suffix names.
    """
    file = None if content is None else io.BytesIO(content)
    try:
        tag = TinyTag.get(path, file_obj=file, duration=duration, image=pictures)
    except TinyTagException as error:
        raise ValueError(str(error)) from error
    if not tag.filesize:
        raise ValueError("the file is empty")
    return tag


def present_tags(tag: TinyTag, path: str) -> dict[str, object]:
    """Return the tags that are present, by the names of the fields of `TrackTags`.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file contains neither tags nor sound.
    """
    if _is_garbled(tag) and (repaired := repaired_tag(path)) is not None:
        tag = parse_tags(path, content=repaired)
    found = {name: value for name, value in _tags(tag) if value}
    if not found and not _has_sound(path):
        raise ValueError("the file contains neither tags nor sound")
    return found


def _has_sound(path: str) -> bool:
    return parse_tags(path, duration=True).samplerate is not None


def _is_garbled(tag: TinyTag) -> bool:
    for text in (tag.title, tag.artist, tag.album, tag.albumartist, tag.genre):
        if text and _UNREADABLE in text:
            return True
    return any(_UNREADABLE in text for values in tag.other.values() for text in values)


def _tags(tag: TinyTag) -> Iterator[tuple[str, object]]:
    others: dict[str, list[str]] = {}
    for name, values in tag.other.items():
        key = _key(name)
        others[key] = [*others[key], *values] if key in others else values
    yield "title", _clean(tag.title)
    yield "artist", _clean(tag.artist)
    yield "album", _clean(tag.album)
    yield "album_artist", _clean(tag.albumartist) or _first(others, (_ALBUM_ARTIST,))
    yield "track", tag.track
    yield "disc", tag.disc
    yield "date", _clean(tag.year)
    yield "genres", list(_genres(tag))
    if others:
        for field, names in _NAMES.items():
            yield field, _first(others, names)
        yield "is_compilation", _first(others, _COMPILATION, only=_TRUE) != ""


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", name.lower())


def _genres(tag: TinyTag) -> Iterator[str]:
    for genre in (tag.genre, *tag.other.get("genre", ())):
        if cleaned := _clean(genre):
            yield cleaned


def _first(
    others: Mapping[str, list[str]], names: tuple[str, ...], *, only: frozenset[str] | None = None
) -> str:
    """Return the first value that is not empty, and that is one of `only` in lower case if that is given."""
    for name in names:
        for value in others.get(name, ()):
            cleaned = _clean(value)
            if cleaned and (only is None or cleaned.lower() in only):
                return cleaned
    return ""


def _clean(value: str | None) -> str:
    """Return the first of several values that null characters separate, without invisible characters."""
    if not value:
        return ""
    if value.isprintable() and "  " not in value:
        # The only white space of printable text is the space.
        return value.strip()
    first = next((part for part in value.split("\0") if part.strip()), "")
    return " ".join(_INVISIBLE.sub("", first).split())
