"""Small PNG images that all differ."""

import struct
import zlib

SIDE_PX = 64


def numbered_png(number: int) -> bytes:
    """Return a 64 x 64 PNG that is different for each number."""
    row = b"\0" + number.to_bytes(4) * (SIDE_PX * 3 // 4)
    chunks = (
        (b"IHDR", struct.pack("!IIBBBBB", SIDE_PX, SIDE_PX, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * SIDE_PX, 1)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
