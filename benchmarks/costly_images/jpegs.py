"""JPEGs with many scans, with empty refinement scans, or with headers that are slow to read."""

import struct
from collections.abc import Sequence

from PIL import Image

from benchmarks.costly_images.family import Family, bits, encoded, noise

_SIDE = 7000
_HUFFMAN, _ARITHMETIC = 0xC2, 0xCA
#: The bits that encode a run of 32,767 blocks without coefficients: a code of one bit, then 14 bits.
_END_OF_BLOCKS = "0" + "1" * 14
_RUN_BLOCKS = 32_767


def _segment(marker: int, body: bytes = b"") -> bytes:
    return bytes([0xFF, marker]) + struct.pack("!H", len(body) + 2) + body


def _table(number: int, symbols: bytes) -> bytes:
    """Return a Huffman table: a code of one bit for the first symbol, codes of two bits for other symbols."""
    return _segment(0xC4, bytes([number, 1, len(symbols) - 1, *bytes(14)]) + symbols)


def _scan(components: Sequence[int], first: int, last: int, *, bit: int, refines: bool = False) -> bytes:
    named = b"".join(bytes([component, 0]) for component in components)
    approximation = (bit + 1 if refines else 0) << 4 | bit
    return _segment(0xDA, bytes([len(components)]) + named + bytes([first, last, approximation]))


def _progressive(width: int, height: int, scans: Sequence[bytes], *, frame: int = _HUFFMAN) -> bytes:
    """Return a grey progressive JPEG with the given scans."""
    head = _segment(0xDB, b"\0" + b"\1" * 64)
    head += _segment(frame, struct.pack("!BHHB", 8, height, width, 1) + b"\1\x11\0")
    if frame == _HUFFMAN:
        head += _table(0x00, b"\x00\x0b") + _table(0x10, b"\xe0\x00")
    return b"\xff\xd8" + head + b"".join(scans) + b"\xff\xd9"


def _refining(count: int, side: int = _SIDE) -> bytes:
    blocks = (-(-side // 8)) ** 2
    runs = bits(_END_OF_BLOCKS, len(_END_OF_BLOCKS) * (blocks // _RUN_BLOCKS + 2)).replace(b"\xff", b"\xff\0")
    scan = _scan([1], 1, 63, bit=0, refines=True) + runs
    return _progressive(side, side, [_scan([1], 0, 0, bit=1), *[scan] * count])


def _refining_arithmetic(count: int) -> bytes:
    scan = _scan([1], 1, 63, bit=0, refines=True)
    return _progressive(_SIDE, _SIDE, [_scan([1], 0, 0, bit=1), *[scan] * count], frame=_ARITHMETIC)


def _first_coefficients(count: int) -> bytes:
    scan = _scan([1], 0, 0, bit=0) + bits("0", (-(-_SIDE // 8)) ** 2)
    return _progressive(_SIDE, _SIDE, [scan] * count)


def sequential_scans(count: int, side: int = _SIDE, *, coefficients: tuple[int, int] = (63, 0)) -> bytes:
    """Return a sequential JPEG with many scans of one component; their coefficient range is invalid."""
    whole = encoded(Image.new("YCbCr", (side, side), (128, 128, 128)), "JPEG", quality=50, subsampling=0)
    scans = [_scan([name], *coefficients, bit=0) + bytes(20) for name in (1, 2, 3)]
    return whole[: whole.index(b"\xff\xda")] + scans[0] * count + scans[1] + scans[2] + b"\xff\xd9"


def repeated_last_scan(count: int) -> bytes:
    """Return a single-colour JPEG of 49 megapixels whose last scan is repeated `count` times."""
    whole = encoded(Image.new("L", (_SIDE, _SIDE), 128), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + whole[-2:]


def _four_inks(side: int) -> bytes:
    """Return a wide CMYK JPEG, which the decoder decodes at full size."""
    picture = noise(min(side * 62, 65_500), side, grain_px=8, mode="CMYK")
    return encoded(picture, "JPEG", quality=20, progressive=True)


def _with_segments(marker: int, body: bytes, count: int) -> bytes:
    small = encoded(noise(64, 64, grain_px=8), "JPEG")
    return small[:2] + _segment(marker, body) * count + small[2:]


def _directory(entries: int) -> bytes:
    tags = b"".join(struct.pack("<HHII", 1000 + number % 60_000, 7, 8, 8) for number in range(entries))
    whole = b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + tags + bytes(4)
    small = encoded(noise(64, 64, grain_px=8), "JPEG")
    pieces = (whole[at : at + 60_000] for at in range(0, len(whole), 60_000))
    return small[:2] + b"".join(_segment(0xE1, b"Exif\0\0" + piece) for piece in pieces) + small[2:]


def _filled(count: int) -> bytes:
    small = encoded(noise(64, 64, grain_px=8), "JPEG")
    return small[:2] + b"\xff" * count + small[2:]


FAMILIES = (
    Family("scans that refine 49 megapixels", "JPEG", _refining, 500),
    Family("scans that refine 1 megapixel", "JPEG", lambda n: _refining(n, side=1000), 60_000),
    Family("the last scan repeated", "JPEG", repeated_last_scan, 500),
    Family("arithmetic scans that refine", "JPEG", _refining_arithmetic, 500),
    Family("scans of the first coefficients", "JPEG", _first_coefficients, 500, is_light=False),
    Family("sequential scans of a wrong range", "JPEG", sequential_scans, 5000),
    Family("wide, progressive, CMYK", "JPEG", _four_inks, 1200, is_light=False),
    Family(
        "quantization tables", "JPEG", lambda n: _with_segments(0xDB, (b"\0" + b"\1" * 64) * 1000, n), 450
    ),
    Family(
        "Photoshop's resources",
        "JPEG",
        lambda n: _with_segments(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 5000, n),
        450,
    ),
    Family("empty comments", "JPEG", lambda n: _with_segments(0xFE, b"", n), 2_000_000),
    Family("entries of EXIF", "JPEG", _directory, 65_000),
    Family("fill bytes before a marker", "JPEG", _filled, 9_000_000),
)
