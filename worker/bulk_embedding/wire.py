"""Frames between a worker and its bulk process: a length (u32, big-endian), then the body."""

import socket
import struct

from worker.decode.processes.wire_format import receive

_LENGTH = struct.Struct("!I")


def send_frame(channel: socket.socket, body: bytes) -> None:
    channel.sendall(_LENGTH.pack(len(body)))
    channel.sendall(body)


def receive_frame(channel: socket.socket) -> bytes:
    """Wait for a frame, up to the socket's timeout.

    Raises:
        EOFError: the other side has closed the socket.
        TimeoutError: no data arrived in time.
    """
    (length,) = _LENGTH.unpack(receive(channel, _LENGTH.size))
    return bytes(receive(channel, length))
