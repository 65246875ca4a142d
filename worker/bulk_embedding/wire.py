"""Frames between a worker and its bulk process: a length (u32, big-endian) and so many bytes."""

import socket
import struct

from worker.decode.wire import receive

_LENGTH = struct.Struct("!I")


def send_frame(channel: socket.socket, body: bytes) -> None:
    channel.sendall(_LENGTH.pack(len(body)))
    channel.sendall(body)


def receive_frame(channel: socket.socket) -> bytes:
    """Wait for a frame, as long as the socket's timeout allows.

    Raises:
        EOFError: the other side is gone.
        TimeoutError: nothing came.
    """
    (length,) = _LENGTH.unpack(receive(channel, _LENGTH.size))
    return bytes(receive(channel, length))
