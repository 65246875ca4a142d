"""Detects unsupported JPEG variants by the start-of-frame marker (ITU-T T.81, table B.1)."""

import re

#: Matches from the first byte 0xFF to the next marker, whose code is the group; if there is no further
#: marker, the group is None. Any number of fill bytes 0xFF can precede a marker, and a zero byte after 0xFF
#: is data. The possessive quantifiers read each byte once, because trying a marker at each of 8 million fill
#: bytes takes 0.15 s.
MARKER = re.compile(rb"\xff++(?:\x00[^\xff]*+\xff++)*+(?:([^\x00\xff])|)")
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
#: Start-of-frame markers of lossy JPEG: baseline, extended and progressive with Huffman coding, then extended
#: and progressive with arithmetic coding.
_READ = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_LOSSLESS = frozenset({0xC3, 0xCB})
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_JPEG_LS = 0xF7
_FRAMES = _READ | _LOSSLESS | _HIERARCHICAL | {_JPEG_LS}
_BITS = 8
#: Markers without a length field: RST, SOI and TEM.
_STANDALONE = frozenset({*range(0xD0, 0xD9), 0x01})
#: Maximum number of segments before the frame header; files from cameras have some dozens of segments.
_SEGMENTS_MAX = 5000
_ADVICE = "save it as a JPEG of 8 bits or as PNG"


def refusal(data: bytes) -> str | None:
    """Return why a JPEG is not supported, or None if it is supported or has no frame header."""
    frame = _frame(data)
    if frame is None:
        return None
    marker, bits = frame
    if marker in _LOSSLESS:
        return f"the file is a lossless JPEG; {_ADVICE}"
    if marker == _JPEG_LS:
        return f"the file is a JPEG-LS image; {_ADVICE}"
    if marker in _HIERARCHICAL:
        return f"the file is a hierarchical JPEG; {_ADVICE}"
    if bits != _BITS:
        return f"the file is a JPEG of {bits} bits a sample; {_ADVICE}"
    return None


def _frame(data: bytes) -> tuple[int, int] | None:
    """Return the start-of-frame marker and the bits per sample, or None if there is no frame header."""
    at = 2
    for _ in range(_SEGMENTS_MAX):
        found = MARKER.search(data, at)
        if found is None or found[1] is None or found[1][0] in {_START_OF_SCAN, _END_OF_IMAGE}:
            return None
        marker, at = found[1][0], found.end()
        if marker in _FRAMES:
            return (marker, data[at + 2]) if at + 2 < len(data) else None
        if marker not in _STANDALONE:
            at += int.from_bytes(data[at : at + 2])
    return None
