"""Reads the pictures of WMA files (Advanced Systems Format), which tinytag leaves out.

header object: 16 bytes of GUID, 8 of size, 4 of object count, 2 reserved, then objects
object:        16 bytes of GUID, 8 of size, content
WM/Picture:    1 byte of type, 4 of size, media type and description in UTF-16, picture
"""

from collections.abc import Iterator
from pathlib import Path
from struct import error as struct_error
from struct import unpack_from

ASF_SUFFIXES = frozenset({".wma"})
#: The maximum number of bytes of a header, so that a broken file does not fill the memory.
_HEADER_MAX_BYTES = 64 << 20
_OBJECT_HEADER_BYTES = 24
_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_EXTENDED_CONTENT = bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850")
_EXTENSION = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
#: The objects Metadata and Metadata Library, which have the same structure.
_METADATA = (
    bytes.fromhex("eacbf8c5af5b77488467aa8c44fa4cca"),
    bytes.fromhex("941c23449894d149a1411d134e457054"),
)
_NAME = "WM/Picture"


def wma_pictures(path: Path) -> list[tuple[int, bytes]]:
    """Return the embedded pictures, each with its type, where 3 is the front cover.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a WMA file.
    """
    with path.open("rb") as file:
        start = file.read(30)
        if not start.startswith(_HEADER):
            raise ValueError("Invalid WMA header")
        try:
            size = unpack_from("<Q", start, 16)[0]
            header = file.read(min(size, _HEADER_MAX_BYTES) - len(start))
            return [_picture(value) for value in _values(header)]
        except (struct_error, ValueError) as error:
            raise ValueError(f"broken WMA header: {error}") from error


def _values(header: bytes) -> Iterator[bytes]:
    """Yield the value of every attribute WM/Picture."""
    for name, content in _objects(header):
        if name == _EXTENDED_CONTENT:
            yield from _extended_content(content)
        elif name == _EXTENSION:
            for inner, metadata in _objects(content[22:]):
                if inner in _METADATA:
                    yield from _metadata(metadata)


def _objects(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _OBJECT_HEADER_BYTES <= len(data):
        size = unpack_from("<Q", data, at + 16)[0]
        if size < _OBJECT_HEADER_BYTES:
            return
        yield data[at : at + 16], data[at + _OBJECT_HEADER_BYTES : at + size]
        at += size


def _extended_content(data: bytes) -> Iterator[bytes]:
    at = 2
    for _ in range(unpack_from("<H", data)[0]):
        name_bytes = unpack_from("<H", data, at)[0]
        name = _text(data[at + 2 : at + 2 + name_bytes])
        at += 2 + name_bytes
        value_bytes = unpack_from("<H", data, at + 2)[0]
        if name == _NAME:
            yield data[at + 4 : at + 4 + value_bytes]
        at += 4 + value_bytes


def _metadata(data: bytes) -> Iterator[bytes]:
    at = 2
    for _ in range(unpack_from("<H", data)[0]):
        name_bytes, _, value_bytes = unpack_from("<HHI", data, at + 4)
        at += 12
        if _text(data[at : at + name_bytes]) == _NAME:
            yield data[at + name_bytes : at + name_bytes + value_bytes]
        at += name_bytes + value_bytes


def _picture(value: bytes) -> tuple[int, bytes]:
    kind, size = unpack_from("<BI", value)
    at = 5
    for _ in ("media type", "description"):
        while value[at : at + 2] != b"\0\0":
            if at >= len(value):
                raise ValueError("a picture's description does not end")
            at += 2
        at += 2
    return kind, value[at : at + size]


def _text(data: bytes) -> str:
    return data.decode("utf-16-le", "replace").rstrip("\0")
