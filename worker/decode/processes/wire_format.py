"""The wire format between the worker and a decoder process, over a socket pair.

- A request is the wanted parts (u8: P for pixels, T for thumbnails, B for both), the length of a file (u32)
  and the file.
- A reply is its kind (u8), the length of its body (u32), the CPU time in microseconds (u32) and the body.
- The body of a reply of kind P is the wanted parts: first the pixels as RGB bytes, then each thumbnail as the
  length of a WebP file (u32) and the file.
- A reply of kind E contains an error: its body is the error code, a newline and the detail.
- A reply of kind R means that the decoder is ready; it has no body.
"""

import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import (
    ImageError,
    ImageTooCostly,
    ImageTooManyPixels,
    UndecodableImage,
    UnsupportedImage,
)
from common.thumbnails import are_thumbnails

PIXELS, ERROR, READY = b"P", b"E", b"R"
#: The results that a request can ask for.
PIXELS_ONLY, THUMBNAILS_ONLY, BOTH = b"P", b"T", b"B"
_REQUEST = struct.Struct("!cI")
_LENGTH = struct.Struct("!I")
_REPLY = struct.Struct("!cII")
#: The errors that a decoder can return, by code; any other code is read as `UndecodableImage`.
_ERRORS: dict[str, type[ImageError]] = {
    kind.code: kind for kind in (UnsupportedImage, ImageTooManyPixels, ImageTooCostly, UndecodableImage)
}


@dataclass(frozen=True, slots=True)
class Request:
    """A file to decode, and the results that are wanted."""

    wanted: bytes
    data: bytes


def send_request(channel: socket.socket, request: Request) -> None:
    """Send a request to a decoder."""
    channel.sendall(_REQUEST.pack(request.wanted, len(request.data)))
    channel.sendall(request.data)


def receive_request(channel: socket.socket) -> Request | None:
    """Wait for a request; return None if the worker has closed the socket."""
    try:
        wanted, length = _REQUEST.unpack(receive(channel, _REQUEST.size))
        return Request(wanted, bytes(receive(channel, length)))
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


def pack_thumbnails(files: Sequence[bytes]) -> bytes:
    """Encode thumbnails as the end of a reply's body."""
    return b"".join(_LENGTH.pack(len(file)) + file for file in files)


def unpack_thumbnails(packed: bytes | bytearray) -> tuple[bytes, ...]:
    """Decode the thumbnails at the end of a reply's body; there may be none.

    Raises:
        UndecodableImage: the bytes are not one WebP file for each size.
    """
    files, at = [], 0
    while at < len(packed):
        start = at + _LENGTH.size
        length = int.from_bytes(packed[at:start])
        at = start + length
        files.append(bytes(packed[start:at]))
    if files and (at != len(packed) or not are_thumbnails(files)):
        raise UndecodableImage("a decoder answered with thumbnails that are incomplete")
    return tuple(files)


def error_body(error: ImageError) -> bytes:
    """Encode an error as a reply's body."""
    return f"{error.code}\n{error.detail}".encode()


def error_from(body: bytes | bytearray) -> ImageError:
    """Decode an error from a reply's body."""
    code, _, detail = body.decode(errors="replace").partition("\n")
    return _ERRORS.get(code, UndecodableImage)(detail)
