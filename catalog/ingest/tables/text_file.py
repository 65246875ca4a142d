"""Opening a table's text: unpacked where it is gzip, and in the encoding that the file declares."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from common.errors import SettingsError

_GZIP = b"\x1f\x8b"
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
#: UTF-32 before UTF-16, whose mark begins like it.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: About the names of the first columns.
_HEAD_BYTES = 64
#: In UTF-16 every other byte of plain English is zero; a stray zero in UTF-8 is far below this share.
_ZEROS_MIN = 0.7


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text and how it is read."""

    path: Path
    packed: bool
    encoding: str

    @contextmanager
    def open(self, newline: str) -> Iterator[TextIO]:
        """Open the text; bytes outside of the encoding become surrogates, so that they cost their own cell.

        Raises:
            SettingsError: the gzip data is damaged, or the bytes do not fit a multi-byte encoding at all.
        """
        try:
            with (
                _unpacked(self.path, packed=self.packed) as raw,
                io.TextIOWrapper(
                    raw, encoding=self.encoding, errors="surrogateescape", newline=newline
                ) as text,
            ):
                yield text
        except _DAMAGED as error:
            raise SettingsError(f"{self.path} cannot be unpacked: {error}") from error
        except UnicodeError as error:
            raise SettingsError(f"{self.path} cannot be read as {self.encoding}: {error}") from error

    def described(self) -> str:
        """Name what is not ordinary: gzip, and an encoding other than UTF-8."""
        parts = ["gzip"] if self.packed else []
        if self.encoding not in {"utf-8", "utf-8-sig"}:
            parts.append(self.encoding.upper())
        return "".join(f", {part}" for part in parts)


def find_text(path: Path, *, encoding: str | None) -> TextFile:
    """Tell from a file's first bytes how its text is read; a given encoding is taken as it is.

    Raises:
        SettingsError: there is no such encoding, or the gzip data is damaged.
    """
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    if encoding is not None:
        return TextFile(path, packed, _known(encoding))
    try:
        with _unpacked(path, packed=packed) as raw:
            head = raw.read(_HEAD_BYTES)
    except _DAMAGED as error:
        raise SettingsError(f"{path} cannot be unpacked: {error}") from error
    return TextFile(path, packed, _encoding_of(head))


def _unpacked(path: Path, *, packed: bool) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if packed else path.open("rb")


def _encoding_of(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    # Without a mark: which bytes of each pair are zero.
    even, odd = head[::2], head[1::2]
    if odd and odd.count(0) > _ZEROS_MIN * len(odd) and not even.count(0):
        return "utf-16-le"
    if even and even.count(0) > _ZEROS_MIN * len(even) and not odd.count(0):
        return "utf-16-be"
    return "utf-8"


def _known(encoding: str) -> str:
    try:
        # Refuses codecs such as `hex` too, which are not of text.
        "x".encode(encoding)
    except LookupError:
        raise SettingsError(f"--encoding {encoding}: no such encoding; try windows-1252 or utf-16") from None
    name = codecs.lookup(encoding).name
    return "utf-8-sig" if name == "utf-8" else name
