"""Writes ID3 tags of the versions 1, 2.2, 2.3 and 2.4."""

from collections.abc import Callable, Iterator
from enum import IntEnum

from tests.music_library.tags import Tags

#: Maps the frames of ID3v2.3 to the frames of ID3v2.2; frames of ID3v2.4 that 2.2 lacks are left out.
_V22 = {
    "TIT2": "TT2",
    "TPE1": "TP1",
    "TPE2": "TP2",
    "TALB": "TAL",
    "TRCK": "TRK",
    "TPOS": "TPA",
    "TYER": "TYE",
    "TORY": "TOR",
    "TCON": "TCO",
    "TPUB": "TPB",
    "TCMP": "TCP",
    "TXXX": "TXX",
}
#: The number that ID3v1 gives to the genre Rock, and the number for an unknown genre.
_ROCK, _NO_GENRE = 17, 255


class Encoding(IntEnum):
    """The first byte of a text frame."""

    LATIN_1 = 0
    UTF_16 = 1
    UTF_8 = 3


Encode = Callable[[str], bytes]
_ENCODERS: dict[Encoding, Encode] = {
    Encoding.LATIN_1: lambda text: text.encode("latin-1"),
    Encoding.UTF_16: lambda text: text.encode("utf-16"),
    Encoding.UTF_8: lambda text: text.encode("utf-8"),
}


def id3v1(tags: Tags) -> bytes:
    """Return an ID3v1.1 tag, which ends the file."""

    def padded(text: str, size: int) -> bytes:
        return text.encode("latin-1")[:size].ljust(size, b"\0")

    genre = _ROCK if tags.genres == ("Rock",) else _NO_GENRE
    names = padded(tags.title, 30) + padded(tags.artist, 30) + padded(tags.album, 30)
    return b"TAG" + names + padded(tags.date, 4) + bytes(29) + bytes([tags.track, genre])


def id3v2(
    tags: Tags, *, version: int = 3, encoding: Encoding = Encoding.UTF_16, encode: Encode | None = None
) -> bytes:
    """Return an ID3v2 tag; `encode` writes texts in another encoding than the frames declare."""
    write = _Frames(version, encoding, encode or _ENCODERS[encoding])
    frames = b"".join((*write.texts(tags), *write.custom(tags), *write.pictures(tags)))
    return b"ID3" + bytes([version, 0, 0]) + _synchsafe(len(frames)) + frames


class _Frames:
    def __init__(self, version: int, encoding: Encoding, encode: Encode) -> None:
        self._version = version
        self._encoding = encoding
        self._encode = encode
        self._end = b"\0\0" if encoding is Encoding.UTF_16 else b"\0"

    def texts(self, tags: Tags) -> Iterator[bytes]:
        year, original = ("TDRC", "TDOR") if self._version == 4 else ("TYER", "TORY")
        names = (("TIT2", tags.title), ("TPE1", tags.artist), ("TPE2", tags.album_artist))
        numbers = (("TRCK", str(tags.track or "")), ("TPOS", str(tags.disc or "")))
        release = (("TALB", tags.album), ("TPUB", tags.label))
        dates = ((year, tags.date), (original, tags.original_date))
        compilation = (("TCMP", "1" if tags.is_compilation else ""),)
        for name, value in (*names, *numbers, *release, *dates, *compilation):
            if value:
                yield self._frame(name, self._text(value))
        if tags.genres:
            # ID3v2.4 separates several values by a null character, and earlier versions by a slash.
            genres = self._end.join(map(self._encode, tags.genres))
            joined = genres if self._version == 4 else self._encode("/".join(tags.genres))
            yield self._frame("TCON", bytes([self._encoding]) + joined)

    def custom(self, tags: Tags) -> Iterator[bytes]:
        for name, value in tags.custom():
            yield self._frame("TXXX", self._text(name) + self._end + self._encode(value))

    def pictures(self, tags: Tags) -> Iterator[bytes]:
        for picture in tags.pictures:
            kind = bytes([picture.type])
            if self._version == 2:
                image_format = b"PNG" if picture.media_type == "image/png" else b"JPG"
                yield self._frame("PIC", b"\0" + image_format + kind + b"\0" + picture.data)
            else:
                described = b"\0" + picture.media_type.encode() + b"\0" + kind
                yield self._frame("APIC", described + b"\0" + picture.data)

    def _text(self, value: str) -> bytes:
        return bytes([self._encoding]) + self._encode(value)

    def _frame(self, name: str, content: bytes) -> bytes:
        if self._version == 2:
            return _V22.get(name, name).encode() + len(content).to_bytes(3, "big") + content
        size = _synchsafe(len(content)) if self._version == 4 else len(content).to_bytes(4, "big")
        return name.encode() + size + b"\0\0" + content


def _synchsafe(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))
