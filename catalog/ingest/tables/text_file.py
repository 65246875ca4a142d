"""Opens a text file, decompresses it if it is gzip, and detects its encoding."""

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
#: Byte order marks; UTF-32 comes before UTF-16, because the UTF-32 mark begins with the UTF-16 mark.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: The number of bytes at the start of a file from which the encoding is detected.
_HEAD_BYTES = 64
#: If more than this share of the even or odd bytes are zero, the text is UTF-16; UTF-8 text has far fewer
#: zeros.
_ZEROS_MIN = 0.7


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file with its compression and its encoding."""

    path: Path
    packed: bool
    encoding: str

    @contextmanager
    def open(self, newline: str) -> Iterator[TextIO]:
        """Open the text; invalid bytes become surrogates, so that only cells that contain them are refused.

        Raises:
            SettingsError: the gzip data is damaged, or the text is invalid in its multi-byte encoding.
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
        """Return a text such as `, gzip, UTF-16`, which is empty for an uncompressed UTF-8 file."""
        parts = ["gzip"] if self.packed else []
        if self.encoding not in {"utf-8", "utf-8-sig"}:
            parts.append(self.encoding.upper())
        return "".join(f", {part}" for part in parts)


def find_text(path: Path, *, encoding: str | None) -> TextFile:
    """Detect a file's compression and encoding from its first bytes, unless `encoding` is given.

    Raises:
        SettingsError: the encoding is unknown, or the gzip data is damaged.
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
    # If there is no byte order mark, zero bytes at only even or only odd positions show that the text is
    # UTF-16.
    even, odd = head[::2], head[1::2]
    if odd and odd.count(0) > _ZEROS_MIN * len(odd) and not even.count(0):
        return "utf-16-le"
    if even and even.count(0) > _ZEROS_MIN * len(even) and not odd.count(0):
        return "utf-16-be"
    return "utf-8"


def _known(encoding: str) -> str:
    try:
        # Encoding a text also refuses codecs such as `hex`, which are not text encodings.
        "x".encode(encoding)
    except LookupError:
        raise SettingsError(f"--encoding {encoding}: no such encoding; try windows-1252 or utf-16") from None
    name = codecs.lookup(encoding).name
    return "utf-8-sig" if name == "utf-8" else name
