"""The wire format of bulk embedding: a batch of covers, and the reply with an outcome for each cover.

- A batch of version 1 is the version (u8), and for each cover the length of its file (u32) and the file. In
  version 2, each cover begins with a further byte, which says whether a palette, thumbnails and a print are
  wanted. Workers that make no prints ignore the bit for the print.
- A reply is a version byte, which is 1, the batch id and the model fingerprint (64 bytes of ASCII each), and
  for each cover an outcome: kind (u8), length of the body (u32), body.
- An outcome of kind V is an embedding: its body is 512 float32 numbers, little-endian.
- An outcome of kind P is an embedding with a palette and thumbnails: its body is 512 float32 numbers, the
  palette, and for each thumbnail the length of a WebP file (u32) and the file.
- An outcome of kind Q is like one of kind P, with the length of a print (u32) and the print before the
  thumbnails. Only an ingest that wants prints receives this kind.
- A palette is its version (u8), its number of colours (u8), and L, a, b and share of each colour (i16 each).
  A palette without colours means that the palette was not wanted.
- An outcome of kind E is an error: its body is the error code, a newline and the detail.
- A reply without outcomes means that the worker could not process the batch.

The version is 2 only for a batch with a cover that wants more than an embedding. Workers of earlier releases
cannot read version 2; workers that can read it announce `thumbnails`.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from common.catalog.protocol import EMBEDDING_DIMENSION
from common.colours.palette import Palette
from common.prints import Print, pack_print, unpack_print

_VERSION, _VERSION_2 = b"\x01", b"\x02"
_ID_BYTES = 64
_LENGTH = struct.Struct("<I")
_OUTCOME = struct.Struct("<cI")
_WANTED = struct.Struct("<BI")
_PALETTE_HEAD = struct.Struct("<BB")
_COLOUR = struct.Struct("<4h")
_VECTOR, _VECTOR_AND_MORE, _WITH_PRINT, _ERROR = b"V", b"P", b"Q", b"E"
#: The bits of the byte that says whether a palette, thumbnails and a print are wanted.
_WANTS_PALETTE, _WANTS_THUMBNAILS, _WANTS_PRINT = 1, 2, 4
_VECTOR_BYTES = 4 * EMBEDDING_DIMENSION


@dataclass(frozen=True, slots=True)
class BulkCover:
    """The bytes of a cover, and whether its palette, its thumbnails and its print are wanted."""

    content: bytes
    wants_palette: bool = False
    wants_thumbnails: bool = False
    wants_print: bool = False


@dataclass(frozen=True, slots=True)
class BulkFault:
    """The reason why a cover has no embedding."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class BulkEmbedding:
    """The embedding of a cover, shape (512,), its palette, its thumbnails and its print."""

    embedding: npt.NDArray[np.float32]
    #: None if the palette was not wanted.
    palette: Palette | None = None
    #: WebP files, the smallest first; empty if thumbnails were not wanted or not made.
    thumbnails: tuple[bytes, ...] = ()
    #: None if the print was not wanted or not made.
    cover_print: Print | None = None


Outcome = BulkEmbedding | BulkFault


@dataclass(frozen=True, slots=True)
class BulkReply:
    """The worker's reply to a batch, with one outcome for each cover."""

    batch_id: str
    model_fingerprint: str
    outcomes: tuple[Outcome, ...]


def failed_reply(batch_id: str) -> BulkReply:
    """Return the reply for a batch that could not be processed at all."""
    return BulkReply(batch_id, "0" * _ID_BYTES, ())


def pack_covers(covers: Sequence[BulkCover]) -> bytes:
    if not any(map(_wants, covers)):
        return _VERSION + _pack_files([cover.content for cover in covers])
    return _VERSION_2 + b"".join(
        _WANTED.pack(_wants(cover), len(cover.content)) + cover.content for cover in covers
    )


def _wants(cover: BulkCover) -> int:
    return (
        _WANTS_PALETTE * cover.wants_palette
        | _WANTS_THUMBNAILS * cover.wants_thumbnails
        | _WANTS_PRINT * cover.wants_print
    )


def unpack_covers(batch: bytes) -> list[BulkCover]:
    """Read a batch.

    Raises:
        ValueError: the version is unknown, or the data is truncated.
    """
    if batch[:1] != _VERSION_2:
        _require_version(batch)
        return [BulkCover(file) for file in _files(batch, len(_VERSION))]
    covers, at = [], len(_VERSION_2)
    while at < len(batch):
        wants, length = _unpack(_WANTED, batch, at)
        at += _WANTED.size
        content = _cut(batch, at, length)
        wanted = (bool(wants & bit) for bit in (_WANTS_PALETTE, _WANTS_THUMBNAILS, _WANTS_PRINT))
        covers.append(BulkCover(content, *wanted))
        at += length
    return covers


def pack_reply(reply: BulkReply) -> bytes:
    ids = (reply.batch_id + reply.model_fingerprint).encode("ascii")
    if len(ids) != 2 * _ID_BYTES:
        raise ValueError("batch ids and fingerprints have 64 characters")
    return _VERSION + ids + b"".join(map(_pack_outcome, reply.outcomes))


def unpack_reply(data: bytes) -> BulkReply:
    """Read a reply.

    Raises:
        ValueError: the version is unknown, or the data is truncated.
    """
    _require_version(data)
    start = len(_VERSION)
    batch_id, fingerprint = (_cut(data, at, _ID_BYTES).decode("ascii") for at in (start, start + _ID_BYTES))
    return BulkReply(batch_id, fingerprint, tuple(_outcomes(data, start + 2 * _ID_BYTES)))


def _pack_outcome(outcome: Outcome) -> bytes:
    if isinstance(outcome, BulkFault):
        kind, body = _ERROR, f"{outcome.code}\n{outcome.detail}".encode()
    else:
        kind, body = _VECTOR, outcome.embedding.astype("<f4").tobytes()
        files = outcome.thumbnails
        if outcome.cover_print is not None:
            kind, files = _WITH_PRINT, (pack_print(outcome.cover_print), *files)
        elif outcome.palette is not None or outcome.thumbnails:
            kind = _VECTOR_AND_MORE
        if kind != _VECTOR:
            body += _pack_palette(outcome.palette) + _pack_files(files)
    return _OUTCOME.pack(kind, len(body)) + body


def _outcomes(data: bytes, at: int) -> Iterator[Outcome]:
    while at < len(data):
        kind, length = _unpack(_OUTCOME, data, at)
        at += _OUTCOME.size
        body = _cut(data, at, length)
        at += length
        if kind == _ERROR:
            code, _, detail = body.decode().partition("\n")
            yield BulkFault(code, detail)
        else:
            yield _embedding(kind, body)


def _embedding(kind: bytes, body: bytes) -> BulkEmbedding:
    vector = np.frombuffer(_cut(body, 0, _VECTOR_BYTES), dtype="<f4").astype(np.float32)
    if kind == _VECTOR:
        return BulkEmbedding(vector)
    palette, end = _palette(body)
    files = tuple(_files(body, end))
    if kind != _WITH_PRINT:
        return BulkEmbedding(vector, palette, files)
    if not files:
        raise ValueError("cut short")
    return BulkEmbedding(vector, palette, files[1:], unpack_print(files[0]))


def _pack_palette(palette: Palette | None) -> bytes:
    if palette is None:
        return _PALETTE_HEAD.pack(0, 0)
    head = _PALETTE_HEAD.pack(palette.version, len(palette.colours))
    return head + b"".join(_COLOUR.pack(*colour) for colour in palette.colours)


def _palette(body: bytes) -> tuple[Palette | None, int]:
    """Return the palette after the vector, and the position of its end."""
    version, count = _unpack(_PALETTE_HEAD, body, _VECTOR_BYTES)
    start = _VECTOR_BYTES + _PALETTE_HEAD.size
    colours = [_unpack(_COLOUR, body, start + number * _COLOUR.size) for number in range(count)]
    end = start + count * _COLOUR.size
    return (Palette.of(colours, version=version) if colours else None), end


def _pack_files(files: Sequence[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(file)) + file for file in files)


def _files(data: bytes, at: int) -> Iterator[bytes]:
    while at < len(data):
        length: int = _unpack(_LENGTH, data, at)[0]
        at += _LENGTH.size
        yield _cut(data, at, length)
        at += length


def _require_version(data: bytes) -> None:
    if data[: len(_VERSION)] != _VERSION:
        raise ValueError("a batch of another version")


def _unpack(form: struct.Struct, data: bytes, at: int) -> tuple[Any, ...]:
    try:
        return form.unpack_from(data, at)
    except struct.error as error:
        raise ValueError("cut short") from error


def _cut(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) != length:
        raise ValueError("cut short")
    return part
