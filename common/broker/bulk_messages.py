"""The wire format of bulk embedding: a batch of covers, and the reply with an outcome for each cover.

- A batch is a version byte, which is 1, and for each cover the length of its file (u32) and the file.
- A reply is the same version byte, the batch id and the model fingerprint (64 bytes of ASCII each), and for
  each cover an outcome: kind (u8), length of the body (u32), body.
- An outcome of kind V is an embedding: its body is 512 float32 numbers, little-endian.
- An outcome of kind E is an error: its body is the error code, a newline and the detail.
- A reply without outcomes means that the worker could not process the batch.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_VERSION = b"\x01"
_ID_BYTES = 64
_LENGTH = struct.Struct("<I")
_OUTCOME = struct.Struct("<cI")
_VECTOR, _ERROR = b"V", b"E"


@dataclass(frozen=True, slots=True)
class BulkFault:
    """The reason why a cover has no embedding."""

    code: str
    detail: str


Outcome = npt.NDArray[np.float32] | BulkFault


@dataclass(frozen=True, slots=True)
class BulkReply:
    """The worker's reply to a batch, with one outcome per cover: an embedding of shape (512,) or a fault."""

    batch_id: str
    model_fingerprint: str
    outcomes: tuple[Outcome, ...]


def failed_reply(batch_id: str) -> BulkReply:
    """Return the reply for a batch that could not be processed at all."""
    return BulkReply(batch_id, "0" * _ID_BYTES, ())


def pack_covers(covers: Sequence[bytes]) -> bytes:
    return _VERSION + b"".join(_LENGTH.pack(len(cover)) + cover for cover in covers)


def unpack_covers(batch: bytes) -> list[bytes]:
    """Read a batch.

    Raises:
        ValueError: the version is unknown, or the data is truncated.
    """
    _require_version(batch)
    covers, at = [], len(_VERSION)
    while at < len(batch):
        length: int = _unpack(_LENGTH, batch, at)[0]
        at += _LENGTH.size
        covers.append(_cut(batch, at, length))
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
        kind, body = _VECTOR, outcome.astype("<f4").tobytes()
    return _OUTCOME.pack(kind, len(body)) + body


def _outcomes(data: bytes, at: int) -> Iterator[Outcome]:
    while at < len(data):
        kind, length = _unpack(_OUTCOME, data, at)
        at += _OUTCOME.size
        body = _cut(data, at, length)
        at += length
        if kind == _VECTOR:
            yield np.frombuffer(body, dtype="<f4").astype(np.float32)
        else:
            code, _, detail = body.decode().partition("\n")
            yield BulkFault(code, detail)


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
