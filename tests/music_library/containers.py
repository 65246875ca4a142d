"""Writes MP3, MP4, WAV, AIFF and WMA files, which contain tags and almost no sound."""

import struct
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from tests.music_library.id3 import id3v2
from tests.music_library.tags import Tags
from tests.music_library.vorbis import flac, ogg_vorbis, opus

#: One silent frame of MPEG-1 Layer III with 128 kbit/s at 44.1 kHz.
MPEG_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
_TEXT, _JPEG, _PNG, _INTEGER = 1, 13, 14, 21


def mp3(tags: Tags) -> bytes:
    """Return an MP3 file with an ID3v2.3 tag."""
    return id3v2(tags) + MPEG_FRAME


def mp4(tags: Tags) -> bytes:
    """Return an MP4 file with the tags that iTunes writes."""
    items = b"".join(_mp4_items(tags))
    meta = _atom(
        b"meta", bytes(4) + _atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9)) + _atom(b"ilst", items)
    )
    duration = _atom(b"mvhd", bytes(12) + struct.pack(">II", 1000, 1000) + bytes(80))
    return _atom(b"ftyp", b"M4A \0\0\0\0M4A ") + _atom(b"moov", duration + _atom(b"udta", meta))


def wav(tags: Tags) -> bytes:
    """Return a WAV file with tags in a LIST chunk and in an ID3 chunk."""
    sound = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
    names = ((b"INAM", tags.title), (b"IART", tags.artist), (b"IPRD", tags.album))
    info = b"".join(_riff(name, value.encode() + b"\0") for name, value in names if value)
    chunks = _riff(b"fmt ", sound) + _riff(b"LIST", b"INFO" + info) + _riff(b"data", bytes(2))
    return _riff(b"RIFF", b"WAVE" + chunks + _riff(b"id3 ", id3v2(tags)))


def aiff(tags: Tags) -> bytes:
    """Return an AIFF file with tags in an ID3 chunk."""
    rate = struct.pack(">HQ", 0x3FFF + 12, 8000 << 51)
    common = struct.pack(">hLh", 1, 1, 16) + rate
    chunks = _iff(b"COMM", common) + _iff(b"SSND", bytes(10)) + _iff(b"ID3 ", id3v2(tags))
    return _iff(b"FORM", b"AIFF" + chunks)


def wma(tags: Tags) -> bytes:
    """Return a WMA file."""
    described = [value.encode("utf-16-le") + b"\0\0" for value in (tags.title, tags.artist, "", "", "")]
    content = struct.pack("<5H", *map(len, described)) + b"".join(described)
    entries = [*_wma_texts(tags), *_wma_pictures(tags)]
    extended = struct.pack("<H", len(entries)) + b"".join(entries)
    objects = _asf("3326b2758e66cf11a6d900aa0062ce6c", content)
    objects += _asf("40a4d0d207e3d21197f000a0c95ea850", extended)
    header = struct.pack("<I", 2) + b"\x01\x02" + objects
    return _asf("3026b2758e66cf11a6d900aa0062ce6c", header)


#: Maps the suffix of every format to the function that writes a file of the format.
FORMATS: Mapping[str, Callable[[Tags], bytes]] = MappingProxyType(
    {
        ".mp3": mp3,
        ".flac": flac,
        ".ogg": ogg_vorbis,
        ".opus": opus,
        ".m4a": mp4,
        ".wav": wav,
        ".aiff": aiff,
        ".wma": wma,
    }
)


def _mp4_items(tags: Tags) -> Iterator[bytes]:
    texts = ((b"\xa9nam", tags.title), (b"\xa9ART", tags.artist), (b"\xa9alb", tags.album))
    more = ((b"aART", tags.album_artist), (b"\xa9day", tags.date))
    yield from (_item(name, value.encode()) for name, value in (*texts, *more) if value)
    if tags.genres:
        yield _atom(b"\xa9gen", b"".join(_data(genre.encode(), _TEXT) for genre in tags.genres))
    numbers = ((b"trkn", tags.track), (b"disk", tags.disc))
    yield from (_item(name, struct.pack(">4H", 0, n, 0, 0), kind=0) for name, n in numbers if n)
    if tags.is_compilation:
        yield _item(b"cpil", b"\x01", kind=_INTEGER)
    named = (("LABEL", tags.label), ("originaldate", tags.original_date), *tags.custom())
    yield from (_mp4_custom(name, value) for name, value in named if value)
    for picture in tags.pictures:
        yield _item(b"covr", picture.data, kind=_PNG if picture.media_type == "image/png" else _JPEG)


def _mp4_custom(name: str, value: str) -> bytes:
    mean = _atom(b"mean", bytes(4) + b"com.apple.iTunes")
    return _atom(b"----", mean + _atom(b"name", bytes(4) + name.encode()) + _data(value.encode(), _TEXT))


def _item(name: bytes, content: bytes, *, kind: int = _TEXT) -> bytes:
    return _atom(name, _data(content, kind))


def _data(content: bytes, kind: int) -> bytes:
    return _atom(b"data", struct.pack(">II", kind, 0) + content)


def _atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def _riff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _iff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">I", len(content)) + content + bytes(len(content) % 2)


def _asf(identifier: str, content: bytes) -> bytes:
    return bytes.fromhex(identifier) + struct.pack("<Q", len(content) + 24) + content


def _wma_texts(tags: Tags) -> Iterator[bytes]:
    values = [
        *(("WM/AlbumTitle", tags.album), ("WM/AlbumArtist", tags.album_artist), ("WM/Year", tags.date)),
        *(("WM/TrackNumber", str(tags.track or "")), ("WM/PartOfSet", str(tags.disc or ""))),
        *(("WM/Publisher", tags.label), ("WM/CatalogNo", tags.catalog_number)),
        *(("WM/OriginalReleaseTime", tags.original_date), ("MusicBrainz/Album Id", tags.release_id)),
        *(("WM/IsCompilation", "1" if tags.is_compilation else ""),),
        *(("WM/Genre", genre) for genre in tags.genres),
    ]
    for name, value in values:
        if value:
            yield _wma_entry(name, 0, value.encode("utf-16-le") + b"\0\0")


def _wma_pictures(tags: Tags) -> Iterator[bytes]:
    for picture in tags.pictures:
        named = picture.media_type.encode("utf-16-le") + b"\0\0" + b"\0\0"
        content = struct.pack("<BI", picture.type, len(picture.data)) + named + picture.data
        yield _wma_entry("WM/Picture", 1, content)


def _wma_entry(name: str, kind: int, content: bytes) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return struct.pack("<H", len(encoded)) + encoded + struct.pack("<HH", kind, len(content)) + content
