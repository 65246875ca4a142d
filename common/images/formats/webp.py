"""Pads truncated WebP files for the decoder."""

import struct

_CHUNK = struct.Struct("<4sI")
_FILE_HEADER_BYTES, _FILE_SIZE_AT, _CHUNK_SIZE_AT = 12, 4, 4
_LOSSY = b"VP8 "
_CHUNKS_MAX = 1000
#: The number of zero bytes appended to a truncated lossy picture: a share of its size, but at least a minimum
#: number. Without enough zeros libwebp reads past the end of the data and fails.
_ROOM_SHARE, _ROOM_MIN_BYTES = 0.25, 4096


def with_room(data: bytes, *, size_bytes: int) -> bytes:
    """Return a padded file, with further zeros in the lossy picture in which the file is truncated.

    `size_bytes` is the size of the file before padding.
    """
    at = _FILE_HEADER_BYTES
    for _ in range(_CHUNKS_MAX):
        if at + _CHUNK.size > len(data):
            break
        kind, length = _CHUNK.unpack_from(data, at)
        end = at + _CHUNK.size + length
        if kind == _LOSSY and at < size_bytes < end <= len(data):
            room = max(int(length * _ROOM_SHARE), _ROOM_MIN_BYTES) // 2 * 2  # chunks have an even size
            completed = bytearray(data[:end] + bytes(room) + data[end:])
            for size_at in (_FILE_SIZE_AT, at + _CHUNK_SIZE_AT):
                (size,) = struct.unpack_from("<I", data, size_at)
                struct.pack_into("<I", completed, size_at, size + room)
            return bytes(completed)
        at = end + length % 2
    return data
