"""Reads the pictures that are embedded in audio files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from tinytag import TinyTag, TinyTagException

from catalog.ingest.covers.wma_pictures import ASF_SUFFIXES, wma_pictures
from common.errors import CoverSearchError
from common.images.formats.detection import format_of

#: The suffixes of the audio files that are read, in lower case. Files of films are not among them.
AUDIO_SUFFIXES = frozenset(
    {".mp1", ".mp2", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".spx", ".m4a", ".m4b", ".mp4", ".aax"}
    | {".wav", ".aif", ".aiff", ".aifc", ".afc", ".wma"}
)
#: tinytag's names of the picture types 3 (front cover) and 0 (other).
_FRONT, _OTHER = "front_cover", "generic"
#: The maximum number of digits in the number of a picture, so that a table cannot name an endless number.
_NUMBER_DIGITS_MAX = 6


@dataclass(frozen=True, slots=True)
class EmbeddedPicture:
    """A picture in a supported format; `is_front` is False if its type says only "other"."""

    data: bytes
    is_front: bool


@dataclass(frozen=True, slots=True)
class PictureLocation:
    """A picture file, or an audio file and the number of an embedded picture in `embedded_covers`.

    The first picture of an audio file is written as the file's path, and the second one as `path/2`, which
    cannot be the path of another file.
    """

    file: str
    number: int = 1

    @classmethod
    def of(cls, source: str) -> Self:
        file, _, number = source.rpartition("/")
        return cls(file, int(number)) if _is_audio(file) and _is_number(number) else cls(source)

    @property
    def is_embedded(self) -> bool:
        return _is_audio(self.file)

    def __str__(self) -> str:
        return self.file if self.number == 1 else f"{self.file}/{self.number}"


def embedded_covers(path: Path) -> list[EmbeddedPicture]:
    """Return a file's front covers, and then its pictures of the type "other".

    Links, and pictures in formats that cannot be decoded, are left out.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a file of the format that its suffix names.
    """
    if path.suffix.lower() in ASF_SUFFIXES:
        # tinytag does not read the pictures of WMA files.
        pictures = wma_pictures(path)
        front, other = ([data for kind, data in pictures if kind == wanted] for wanted in (3, 0))
        return _in_order(front, other)
    try:
        return embedded_covers_of(TinyTag.get(path, duration=False, image=True), str(path))
    except TinyTagException as error:
        raise ValueError(str(error)) from error


def embedded_covers_of(tag: TinyTag, path: str) -> list[EmbeddedPicture]:
    """Return the pictures of `embedded_covers` from what tinytag has read from the file.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a file of the format that its suffix names.
    """
    if path.lower().endswith(tuple(ASF_SUFFIXES)):
        return embedded_covers(Path(path))
    images = tag.images.as_dict()
    if not images:
        return []
    front, other = ([image.data for image in images.get(name, ())] for name in (_FRONT, _OTHER))
    return _in_order(front, other)


def _in_order(front: Iterable[bytes], other: Iterable[bytes]) -> list[EmbeddedPicture]:
    return [
        EmbeddedPicture(data, is_front)
        for is_front, pictures in ((True, front), (False, other))
        for data in pictures
        if _is_picture(data)
    ]


def _is_audio(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in AUDIO_SUFFIXES


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS_MAX and text[0] != "0"


def _is_picture(data: bytes) -> bool:
    """Return whether the bytes begin like a picture; the bytes of a link are a URL."""
    try:
        format_of(data)
    except CoverSearchError:
        return False
    return True
