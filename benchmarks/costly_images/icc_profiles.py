"""ICC profiles with many processing elements, which LittleCMS reads one at a time."""

import struct
from functools import partial

from PIL import Image

from benchmarks.costly_images.family import Family, encoded

_HEADER_BYTES, _D50 = 128, (0.9642, 1.0, 0.8249)
_SRGB = {b"rXYZ": (0.436, 0.222, 0.014), b"gXYZ": (0.385, 0.717, 0.097), b"bXYZ": (0.143, 0.061, 0.714)}


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _elements(count: int) -> bytes:
    """Return a tag with `count` processing elements that swap red and blue and share the same data."""
    matrix = struct.pack(">9f", 0, 0, 1, 0, 1, 0, 1, 0, 0) + struct.pack(">3f", 0, 0, 0)
    body = b"matf" + bytes(4) + struct.pack(">HH", 3, 3) + matrix
    places = struct.pack(">II", 16 + 8 * count, len(body)) * count
    return b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, count) + places + body


def profile_of_elements(count: int) -> bytes:
    """Return a profile with sRGB's primaries and `count` processing elements that share their data."""
    text = "x".encode("utf-16-be")
    name = b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(text), 28) + text + bytes(2)
    elements = _elements(count)
    tags = {b"desc": name, b"cprt": name, b"wtpt": b"XYZ " + bytes(4) + _fixed(*_D50)}
    tags |= dict.fromkeys((b"D2B0", b"D2B1", b"D2B2"), elements)
    tags |= {kind: b"XYZ " + bytes(4) + _fixed(*place) for kind, place in _SRGB.items()}
    tags |= {
        kind: b"curv" + bytes(4) + struct.pack(">IHH", 1, 0x0233, 0) for kind in (b"rTRC", b"gTRC", b"bTRC")
    }
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    table, data, places = b"", b"", dict[bytes, int]()
    for kind, content in tags.items():
        if content not in places:
            places[content] = start + len(data)
            data += content
        table += kind + struct.pack(">II", places[content], len(content))
    head = (
        struct.pack(">I4sI", start + len(data), bytes(4), 0x04300000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    )
    head = head.ljust(64, b"\0") + struct.pack(">I", 1) + _fixed(*_D50)
    return head.ljust(_HEADER_BYTES, b"\0") + struct.pack(">I", len(tags)) + table + data


def with_profile(image_format: str, count: int) -> bytes:
    """Return a small red picture with a profile of `count` processing elements."""
    red = Image.new("RGB", (64, 64), (200, 30, 30))
    return encoded(red, image_format, icc_profile=profile_of_elements(count))


FAMILIES = tuple(
    Family("elements of a profile", image_format, partial(with_profile, image_format), 50_000)
    for image_format in ("JPEG", "PNG", "WEBP", "TIFF")
)
