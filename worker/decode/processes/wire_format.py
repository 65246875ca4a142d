"""The wire format between the worker and a decoder process, over a socket pair.

- A request is the wanted parts (u8, the sum of the values of `Wanted`), the length of a file (u32) and the
  file.
- A reply is its kind (u8), the length of its body (u32), the CPU time in microseconds (u32) and the body.
- The body of a reply of kind P is the wanted parts: first the pixels as RGB bytes, then the print as its
  length (u32) and its bytes, then each thumbnail as the length of a WebP file (u32) and the file. A print
  that was not made has the length 0.
- A reply of kind E contains an error: its body is the error code, a newline and the detail.
- A reply of kind R means that the decoder is ready; it has no body.
"""

import socket
import struct
import time
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from common.errors import (
    ImageError,
    ImageTooCostly,
    ImageTooManyPixels,
    UndecodableImage,
    UnsupportedImage,
)
from common.prints import Print, pack_print, unpack_print
from common.thumbnails import are_thumbnails

PIXELS, ERROR, READY = b"P", b"E", b"R"
_REQUEST = struct.Struct("!BI")
_LENGTH = struct.Struct("!I")
_REPLY = struct.Struct("!cII")
#: The errors that a decoder can return, by code; any other code is read as `UndecodableImage`.
_ERRORS: dict[str, type[ImageError]] = {
    kind.code: kind for kind in (UnsupportedImage, ImageTooManyPixels, ImageTooCostly, UndecodableImage)
}


class Wanted(IntFlag):
    """The parts that a request can ask for."""

    PIXELS = 1
    THUMBNAILS = 2
    PRINT = 4


@dataclass(frozen=True, slots=True)
class Request:
    """A file to decode, and the parts that are wanted."""

    wanted: Wanted
    data: bytes


@dataclass(frozen=True, slots=True)
class MadeFiles:
    """The print and the thumbnails in a reply."""

    #: None if the print was not wanted or not made.
    cover_print: Print | None = None
    #: WebP files, the smallest first; empty if they were not wanted or not made.
    thumbnails: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class DecodedCover:
    """The parts of a cover that a decoder made."""

    #: RGB pixels of shape (size_px, size_px, 3).
    pixels: npt.NDArray[np.uint8]
    files: MadeFiles

    @property
    def thumbnails(self) -> tuple[bytes, ...]:
        return self.files.thumbnails

    @property
    def cover_print(self) -> Print | None:
        return self.files.cover_print


def send_request(channel: socket.socket, request: Request) -> None:
    """Send a request to a decoder."""
    channel.sendall(_REQUEST.pack(request.wanted, len(request.data)))
    channel.sendall(request.data)


def receive_request(channel: socket.socket) -> Request | None:
    """Wait for a request; return None if the worker has closed the socket."""
    try:
        wanted, length = _REQUEST.unpack(receive(channel, _REQUEST.size))
        return Request(Wanted(wanted), bytes(receive(channel, length)))
    except EOFError:
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """A decoder's reply, and the CPU time in seconds that the request took."""

    kind: bytes
    body: bytes | bytearray
    cpu_s: float


def send_reply(channel: socket.socket, kind: bytes, body: bytes = b"", *, cpu_s: float = 0.0) -> None:
    """Send a decoder's reply to the worker."""
    channel.sendall(_REPLY.pack(kind, len(body), round(cpu_s * 1e6)) + body)


def receive_reply(channel: socket.socket, *, deadline: float, max_bytes: int) -> Reply:
    """Wait for a decoder's reply until the `time.monotonic` value `deadline`.

    Raises:
        EOFError: the decoder has ended.
        OSError: the deadline has passed, or the reply is invalid.
    """
    kind, length, cpu_us = _REPLY.unpack(receive(channel, _REPLY.size, deadline=deadline))
    if kind not in {PIXELS, ERROR, READY} or length > max_bytes:
        raise OSError("a decoder sent a malformed reply")
    return Reply(kind, receive(channel, length, deadline=deadline), cpu_us / 1e6)


def receive(channel: socket.socket, length: int, *, deadline: float | None = None) -> bytearray:
    """Receive exactly `length` bytes."""
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        if deadline is not None:
            channel.settimeout(max(deadline - time.monotonic(), 1e-3))
        received = channel.recv_into(view)
        if not received:
            raise EOFError
        view = view[received:]
    return buffer


def pack_files(wanted: Wanted, made: MadeFiles) -> bytes:
    """Encode a print, if it is wanted, and thumbnails as the end of a reply's body."""
    files = list(made.thumbnails)
    if Wanted.PRINT in wanted:
        files.insert(0, b"" if made.cover_print is None else pack_print(made.cover_print))
    return b"".join(_LENGTH.pack(len(file)) + file for file in files)


def unpack_files(wanted: Wanted, packed: bytes | bytearray | memoryview) -> MadeFiles:
    """Decode the print, if it was wanted, and the thumbnails at the end of a reply's body.

    Raises:
        UndecodableImage: the bytes are not a print, and one WebP file for each size or none.
    """
    files, at = [], 0
    while at < len(packed):
        start = at + _LENGTH.size
        length = int.from_bytes(packed[at:start])
        at = start + length
        files.append(bytes(packed[start:at]))
    is_complete = at == len(packed)
    cover_print = None
    if Wanted.PRINT in wanted:
        is_complete = is_complete and bool(files)
        cover_print = _print_in(files.pop(0)) if is_complete else None
    if not is_complete or (files and not are_thumbnails(files)):
        raise UndecodableImage("a decoder answered with a print or thumbnails that are incomplete")
    return MadeFiles(cover_print, tuple(files))


def _print_in(packed: bytes) -> Print | None:
    try:
        return unpack_print(packed) if packed else None
    except ValueError as error:
        raise UndecodableImage("a decoder answered with a print that is damaged") from error


def error_body(error: ImageError) -> bytes:
    """Encode an error as a reply's body."""
    return f"{error.code}\n{error.detail}".encode()


def error_from(body: bytes | bytearray) -> ImageError:
    """Decode an error from a reply's body."""
    code, _, detail = body.decode(errors="replace").partition("\n")
    return _ERRORS.get(code, UndecodableImage)(detail)
