"""The main program of a process that reads tags, groups tracks, and reads the first cover of each folder.

    python -m catalog.ingest.music.tag_reader

request  4 bytes of length, then the library's folder and paths in it, with NUL characters between them
reply    4 bytes of length, then one outcome for each path, with NUL characters between them
outcome  the letter of a `Kind`, then a text, or the tags, the `AlbumKey` and the `EmbeddedCover` as JSON with
         the character 1 between them

No JSON document contains the characters 0 and 1. The process ends when its standard input is closed.
"""

import gc
import os
import sys
from collections.abc import Iterable
from enum import StrEnum
from itertools import groupby
from typing import IO, NamedTuple

import orjson
from tinytag import TinyTag

from catalog.ingest.covers.cover_hash import cover_sha256
from catalog.ingest.covers.embedded_pictures import embedded_covers_of
from catalog.ingest.music.grouping import AlbumKey, Track, album_folder, album_keys
from catalog.ingest.music.track_tags import TrackTags, parse_tags, present_tags

_LENGTH_BYTES = 4
_SEPARATOR, _INNER_SEPARATOR = b"\0", b"\1"


class Kind(StrEnum):
    """The kinds of outcomes."""

    TAGS = "T"
    #: The file no longer exists.
    GONE = "G"
    #: The file cannot be read; the text says why.
    FAULT = "F"
    #: The file cannot be read now, and may be readable in the next run although it has not changed.
    FAULT_NOW = "N"


class EmbeddedCover(NamedTuple):
    """The first cover that is embedded in a file, and the version of the file; sizes are in bytes."""

    file_bytes: int
    mtime_ns: int
    sha256: str
    #: 0 if the file has no cover.
    picture_bytes: int
    is_front: bool


class ReadFile(NamedTuple):
    """The outcome of reading the tags of a file; `fault` says why there are no tags."""

    path: str
    #: The tags as JSON; None without a fault if the file no longer exists.
    tags: bytes | None
    fault: str = ""
    #: Whether the file may be readable in the next run although it has not changed.
    may_recover: bool = False
    key: AlbumKey | None = None
    #: None if the pictures of the file were not read.
    cover: EmbeddedCover | None = None


def outcomes(root: str, paths: Iterable[str]) -> list[bytes]:
    """Return the outcome of each file; the files of an album folder must follow each other.

    Pictures are read from the files of a folder up to the first front cover, which is likely to be the cover
    of the album. Reading the pictures of all files would take long for a large library.
    """
    read: list[_Read] = []
    covered = None
    for path in paths:
        folder = path.rpartition("/")[0]
        read.append(one := _read(root, path, pictures=folder != covered))
        if one.cover is not None and one.cover.is_front:
            covered = folder
    tracks = [Track(one.path, one.tags) for one in read if one.tags is not None]
    by_folder = groupby(tracks, key=lambda track: album_folder(track.path))
    keys = {track.path: key for _, folder_tracks in by_folder for track, key in album_keys([*folder_tracks])}
    return [one.outcome if one.tags is None else _joined(one, keys[one.path]) for one in read]


def read_file(path: str, outcome: bytes) -> ReadFile:
    """Return an outcome of `outcomes` as an object."""
    kind, content = chr(outcome[0]), outcome[1:]
    if kind == Kind.TAGS:
        tags, key, cover = content.split(_INNER_SEPARATOR)
        read_cover = EmbeddedCover(*orjson.loads(cover)) if cover else None
        return ReadFile(path, tags, key=AlbumKey(*orjson.loads(key)), cover=read_cover)
    return ReadFile(path, None, content.decode(), may_recover=kind == Kind.FAULT_NOW)


def send(stream: IO[bytes], parts: Iterable[bytes]) -> None:
    """Write a request or a reply."""
    content = _SEPARATOR.join(parts)
    stream.write(len(content).to_bytes(_LENGTH_BYTES, "big") + content)
    stream.flush()


def receive(stream: IO[bytes]) -> list[bytes]:
    """Read a request or a reply.

    Raises:
        EOFError: the other process has closed the stream.
    """
    size = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "big")
    return _exactly(stream, size).split(_SEPARATOR)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


class _Read(NamedTuple):
    """What was read from one file; `outcome` is complete only if there are no tags."""

    path: str
    outcome: bytes
    tags: TrackTags | None = None
    cover: EmbeddedCover | None = None


def _read(root: str, path: str, *, pictures: bool) -> _Read:
    file = f"{root}/{path}"
    try:
        tag = parse_tags(file, pictures=pictures)
        present = present_tags(tag, file)
        cover = _cover(tag, file) if pictures else None
    except FileNotFoundError:
        return _Read(path, Kind.GONE.encode())
    except OSError as error:
        return _Read(path, fault_outcome(Kind.FAULT_NOW, error.strerror or str(error)))
    except ValueError as error:
        return _Read(path, fault_outcome(Kind.FAULT, str(error) or "the tags cannot be read"))
    outcome = Kind.TAGS.encode() + orjson.dumps(present)
    return _Read(path, outcome, TrackTags.of(present), cover)


def _joined(read: _Read, key: AlbumKey) -> bytes:
    cover = b"" if read.cover is None else orjson.dumps([*read.cover])
    return _INNER_SEPARATOR.join((read.outcome, orjson.dumps([*key]), cover))


def _cover(tag: TinyTag, path: str) -> EmbeddedCover:
    status = os.stat(path)  # noqa: PTH116 - `Path.stat` takes three times as long
    try:
        found = embedded_covers_of(tag, path)
    except ValueError:
        # The tags of the file can be read, but its pictures cannot.
        found = []
    data, is_front = (found[0].data, found[0].is_front) if found else (b"", False)
    digest = cover_sha256(data) if data else ""
    return EmbeddedCover(status.st_size, status.st_mtime_ns, digest, len(data), is_front)


def fault_outcome(kind: Kind, text: str) -> bytes:
    """Return the outcome of a file that cannot be read."""
    return kind.encode() + text.encode(errors="replace").replace(_SEPARATOR, b" ")


def main() -> None:
    # The modules live as long as the process, so the garbage collector need not look at them.
    gc.freeze()
    while True:
        try:
            root, *paths = map(os.fsdecode, receive(sys.stdin.buffer))
        except EOFError:
            return
        send(sys.stdout.buffer, outcomes(root, paths))


if __name__ == "__main__":
    main()
