"""Write WebP containers with one frame, which may cover only a part of the canvas."""

import struct

_ANIMATED = 0x02


def on_canvas(still: bytes, *, size: tuple[int, int], canvas: tuple[int, int], at: tuple[int, int]) -> bytes:
    """Return an animation of one frame whose header declares no transparency; `at` must be even."""
    frame = _three(at[0] // 2) + _three(at[1] // 2) + _three(size[0] - 1) + _three(size[1] - 1)
    chunks = [
        (b"VP8X", bytes([_ANIMATED, 0, 0, 0]) + _three(canvas[0] - 1) + _three(canvas[1] - 1)),
        (b"ANIM", bytes(6)),
        (b"ANMF", frame + _three(100) + b"\0" + still[12:]),
    ]
    body = b"".join(kind + struct.pack("<I", len(content)) + content for kind, content in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _three(number: int) -> bytes:
    return struct.pack("<I", number)[:3]
