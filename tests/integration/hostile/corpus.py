"""A corpus of about 300 broken, unusual or hostile image files, generated from a seed.

Each file has a name, its bytes, and the set of acceptable result codes, which may include `ok`.
"""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, PngImagePlugin

from benchmarks.costly_images.bmps import short_lines
from benchmarks.costly_images.families import FAMILIES
from benchmarks.costly_images.jpegs import repeated_last_scan
from benchmarks.costly_images.pngs import filtered, two_headers
from tests.paths import PICTURES

OK = "ok"
UNSUPPORTED = "unsupported_image"
UNDECODABLE = "undecodable_image"
TOO_MANY = "image_too_many_pixels"
TOO_LARGE = "image_too_large"
TOO_COSTLY = "image_too_costly"
EMPTY = "invalid_parameter"

#: The acceptable codes for a damaged file; the code depends on the position of the damage.
DAMAGED = frozenset({OK, UNDECODABLE, UNSUPPORTED, TOO_MANY})
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


@dataclass(frozen=True, slots=True)
class HostileFile:
    name: str
    data: bytes
    answers: frozenset[str]


def corpus(*, max_pixels: int, max_bytes: int) -> Iterator[HostileFile]:
    """Yield every file of the corpus, for a service with these limits."""
    for family in (_odd_modes, _odd_shapes, _orientations, _animations, _texts, _foreign):
        yield from family()
    yield from _truncated()
    yield from _flipped()
    yield from _wrong_sizes(max_pixels)
    yield from _bombs()
    yield from _chunks()
    yield from _polyglots()
    yield from _directories()
    yield from _costly()
    yield from _heif()
    yield from _profiles()
    yield _file("jpeg of more bytes than allowed", encoded(photo(), "JPEG") + bytes(max_bytes), TOO_LARGE)


def photo(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """Return a picture with sharp edges and smooth gradients."""
    ramp = Image.linear_gradient("L").resize((width, height))
    other = ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(90).resize((width, height))
    return Image.merge("RGB", (ramp, other, ramp.point(lambda sample: 255 - sample))).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode the picture in this format, and return the file's bytes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _file(name: str, data: bytes, *answers: str) -> HostileFile:
    return HostileFile(name, data, frozenset(answers))


def _odd_modes() -> Iterator[HostileFile]:
    for mode, kinds in {
        "1": ("PNG", "GIF", "BMP", "TIFF"),
        "L": ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"),
        "P": ("PNG", "GIF", "BMP", "TIFF"),
        "LA": ("PNG", "TIFF"),
        "RGBA": ("PNG", "WEBP", "TIFF"),
        "CMYK": ("JPEG", "TIFF"),
        "YCbCr": ("JPEG", "TIFF"),
        "LAB": ("TIFF",),
        "I;16": ("PNG", "TIFF"),
    }.items():
        for kind in kinds:
            image = photo(mode="L").convert("I").point(lambda s: s * 257) if mode == "I;16" else photo()
            yield _file(f"{mode} {kind}", encoded(image.convert(mode), kind), OK)
    for mode in ("I", "F"):
        yield _file(f"{mode} TIFF", encoded(photo(mode="L").convert(mode), "TIFF"), UNSUPPORTED)
    transparent = photo().quantize(8)
    yield _file("palette with transparency", encoded(transparent, "PNG", transparency=3), OK)
    yield _file("progressive JPEG", encoded(photo(), "JPEG", progressive=True), OK)
    yield _file("lossless WebP", encoded(photo(), "WEBP", lossless=True), OK)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield _file(f"TIFF {compression}", encoded(photo(), "TIFF", compression=compression), OK)


def _odd_shapes() -> Iterator[HostileFile]:
    for width, height in ((1, 1), (1, 2000), (2000, 1), (2, 3), (16_000, 2)):
        for kind in ("JPEG", "PNG", "BMP", "GIF"):
            yield _file(f"{width} by {height} {kind}", encoded(photo(width, height), kind), OK)


def _orientations() -> Iterator[HostileFile]:
    for orientation in (*range(10), 255, 65535):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind in ("JPEG", "WEBP"):
            yield _file(f"orientation {orientation} {kind}", encoded(photo(), kind, exif=exif), OK)
    for junk in (b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + bytes(range(256)) * 8):
        data = _with_segment(encoded(photo(), "JPEG"), 0xE1, junk)
        yield _file(f"exif of {len(junk)} bytes of junk", data, *DAMAGED)


def _animations() -> Iterator[HostileFile]:
    frames = [photo().rotate(angle) for angle in range(0, 90, 5)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        yield _file(f"animated {kind}", data, OK)
        yield _file(f"animated {kind} cut short", data[: len(data) // 2], *DAMAGED)


def _texts() -> Iterator[HostileFile]:
    for size in (10, 100_000, 900_000, 5_000_000):
        info = PngImagePlugin.PngInfo()
        info.add_text("comment", "a" * size, zip=True)
        yield _file(f"PNG with a text of {size}", encoded(photo(), "PNG", pnginfo=info), OK)
    comment = encoded(photo(), "GIF", comment=b"x" * 60_000)
    yield _file("GIF with a long comment", comment, OK)


def _foreign() -> Iterator[HostileFile]:
    dice = random.Random(1)
    yield _file("nothing", b"", EMPTY)
    foreign = {
        "one byte": b"\xff",
        "zeros": bytes(1000),
        "random": dice.randbytes(5000),
        "text": b"hello, I am a cover",
        "html": b"<!doctype html><img src=x onerror=alert(1)>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:1/"/></svg>',
        "svg with an entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>',
        "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        "zip": b"PK\x03\x04" + bytes(100),
        "gzip": zlib.compress(bytes(1000)),
        "elf": b"\x7fELF" + bytes(100),
        "pickle": b"cos\nsystem\n(S'true'\ntR.",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
        "ico": b"\0\0\1\0" + bytes(100),
        "psd": b"8BPS\0\1" + bytes(100),
        "icns": b"icns" + bytes(100),
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
        "jpeg xl": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
        "mp4": b"\0\0\0\x18ftypmp42" + bytes(100),
        "json": b'{"error": "not found"}',
        "riff that is no webp": b"RIFF\x24\0\0\0WAVEfmt " + bytes(100),
        "xbm": b"#define a_width 9\n#define a_height 9\nstatic char a_bits[] = {0};",
        "ppm": b"P6 9 9 255 " + bytes(243),
        "big tiff": b"II+\0\x08\0\0\0" + bytes(100),
        "pcx": b"\n\5\1\10" + bytes(200),
        "tga": bytes([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 9, 0, 24, 0]) + bytes(243),
    }
    for name, data in foreign.items():
        yield _file(name, data, UNSUPPORTED)
    for kind in FORMATS:
        head = encoded(photo(), kind)[:12]
        yield _file(f"{kind} signature alone", head, UNDECODABLE)
        yield _file(
            f"{kind} signature and junk", head + dice.randbytes(3000), UNDECODABLE, UNSUPPORTED, TOO_MANY
        )


def _truncated() -> Iterator[HostileFile]:
    for kind in FORMATS:
        whole = encoded(photo(), kind)
        for share in (0.02, 0.1, 0.3, 0.5, 0.8, 0.99):
            yield _file(f"{kind} cut at {share:.0%}", whole[: int(len(whole) * share)], *DAMAGED)


def _flipped() -> Iterator[HostileFile]:
    dice = random.Random(2)
    for kind in FORMATS:
        whole = encoded(photo(), kind)
        for number in range(8):
            data = bytearray(whole)
            # Half of the files are damaged in the header, which controls how the rest is read.
            reach = min(64, len(data)) if number % 2 else len(data)
            for _ in range(dice.randint(1, 12)):
                data[dice.randrange(8, reach)] = dice.randrange(256)
            yield _file(f"{kind} with bytes changed, {number}", bytes(data), *DAMAGED)


def _wrong_sizes(max_pixels: int) -> Iterator[HostileFile]:
    side = int(max_pixels**0.5) + 1
    for width, height, answer in (
        (0, 0, UNDECODABLE),
        (0, 9, UNDECODABLE),
        (9, 0, UNDECODABLE),
        (side, side, TOO_MANY),
        (65_535, 65_535, TOO_MANY),
        (2**31 - 1, 2**31 - 1, TOO_MANY),
        (2**31 - 1, 1, TOO_MANY),
    ):
        yield _file(f"PNG that says {width} by {height}", png(width, height), answer, UNDECODABLE)
        bmp = bytearray(encoded(photo(), "BMP"))
        bmp[18:26] = struct.pack("<ii", width, height)
        yield _file(f"BMP that says {width} by {height}", bytes(bmp), answer, UNDECODABLE, UNSUPPORTED)
        gif = bytearray(encoded(photo(), "GIF"))
        gif[6:10] = struct.pack("<HH", width & 0xFFFF, height & 0xFFFF)
        yield _file(f"GIF that says {width} by {height}", bytes(gif), *DAMAGED)
    bmp = bytearray(encoded(photo(), "BMP"))
    bmp[18:26] = struct.pack("<ii", -9, -9)
    yield _file("BMP of negative size", bytes(bmp), *DAMAGED)


def _bombs() -> Iterator[HostileFile]:
    # The file "PNG bomb" declares 169 megapixels.
    yield _file("PNG bomb", png(13_000, 13_000, zlib.compress(bytes(13_000 * 13_001 * 3 // 100))), TOO_MANY)
    # The PNG and the GIF below have as many pixels as the limit allows.
    black = Image.new("L", (7000, 7000))
    yield _file("PNG of as many pixels as allowed", encoded(black, "PNG"), OK)
    yield _file("GIF of as many pixels as allowed", encoded(black, "GIF"), OK)
    yield _file("PNG with too much data", png(8, 8, zlib.compress(bytes(50_000_000))), *DAMAGED)
    yield _file("TIFF of one huge tile", _tiff_of_one_tile(60_000), TOO_COSTLY)


def _chunks() -> Iterator[HostileFile]:
    whole = encoded(photo(), "PNG")

    def with_chunk(chunk: bytes) -> bytes:
        # The first 33 bytes are the PNG's signature and header.
        return whole[:33] + chunk + whole[33:]

    for length in (0, 1, 2**31 - 1, 2**32 - 1):
        chunk = struct.pack("!I", length) + b"iTXt" + b"x" * 20 + bytes(4)
        yield _file(f"PNG with a chunk that says {length}", with_chunk(chunk), *DAMAGED)
    profile = b"icc\0\0" + zlib.compress(bytes(5_000_000))
    yield _file("PNG with a profile that inflates", with_chunk(_chunk(b"iCCP", profile)), *DAMAGED)
    for wrong in (b"IDAT", b"IEND", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT"):
        yield _file(f"PNG with {wrong.decode()} too early", with_chunk(_chunk(wrong, b"")), *DAMAGED)
    jpeg = encoded(photo(), "JPEG")
    yield _file("JPEG of padding", b"\xff\xd8" + b"\xff" * 100_000 + jpeg[2:], *DAMAGED)
    yield _file("JPEG of comments", _with_segment(jpeg, 0xFE, b"x" * 60_000, times=50), *DAMAGED)
    yield _file(
        "JPEG of profiles",
        _with_segment(jpeg, 0xE2, b"ICC_PROFILE\0\1\xff" + b"x" * 60_000, times=20),
        *DAMAGED,
    )
    for marker in (0xC3, 0xC9, 0xDB, 0xC4, 0xDD, 0xDA, 0xD9):
        yield _file(f"JPEG with an empty {marker:x}", _with_segment(jpeg, marker, b""), *DAMAGED)


def _polyglots() -> Iterator[HostileFile]:
    script = b"<script>alert(1)</script><?php system('id'); ?>"
    for kind in FORMATS:
        whole = encoded(photo(), kind)
        yield _file(f"{kind} with a script behind", whole + script, OK)
        yield _file(
            f"{kind} with a zip behind", whole + b"PK\x03\x04" + bytes(200) + b"PK\x05\x06" + bytes(18), OK
        )
        yield _file(f"{kind} within html", b"<html>" + whole, UNSUPPORTED)
    jpeg, gif = encoded(photo(), "JPEG"), encoded(photo(), "GIF")
    yield _file("GIF that is a script", b"GIF89a=1;alert(1)//" + bytes(100), *DAMAGED)
    yield _file("BMP that is a JPEG", b"BM" + jpeg, *DAMAGED)
    yield _file("JPEG with a GIF behind", jpeg + gif, OK)
    yield _file("TIFF that holds a JPEG", b"II*\0\x08\0\0\0" + jpeg, *DAMAGED)


def _costly() -> Iterator[HostileFile]:
    for family in FAMILIES:
        if family.is_light:
            data = family.make(family.beyond)
            # Some families are cheap at any size, because the format or the reader limits the cost.
            fine = {
                "entries of EXIF": (OK,),
                "elements of a profile": (OK,),
                "texts that inflate": (OK,),
                "many tags": (UNDECODABLE,),
            }.get(family.name, ())
            yield _file(f"{family.format}: {family.name}", data, TOO_COSTLY, TOO_MANY, TOO_LARGE, *fine)
    yield _file("JPEG of twenty scans of 49 megapixels", repeated_last_scan(20), OK)
    yield _file("PNG with two headers", two_headers(100), UNDECODABLE)
    yield _file("BMP of lines that end at once", short_lines(2500), OK)
    yield _file("PNG of 16 bits, filtered and interlaced", filtered(3000, depth=16), OK)


def _directories() -> Iterator[HostileFile]:
    loop = b"II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8)
    yield _file("TIFF whose directories go round", loop, *DAMAGED)
    yield _file("TIFF whose directory is far off", b"MM\0*\xff\xff\xff\xff" + bytes(50), *DAMAGED)
    many = struct.pack("<H", 65_535) + b"".join(
        struct.pack("<HHII", tag, 1, 900_000, 8) for tag in range(65_535)
    )
    yield _file("TIFF of many tags", b"II*\0\x08\0\0\0" + many + bytes(4), TOO_COSTLY, *DAMAGED)
    whole = bytearray(encoded(photo(), "TIFF"))
    dice = random.Random(3)
    for number in range(12):
        data = bytearray(whole)
        place = struct.unpack("<I", data[4:8])[0]
        data[place + dice.randrange(2, 120)] ^= 0xFF
        yield _file(f"TIFF with a wrong directory, {number}", bytes(data), *DAMAGED)


def _heif() -> Iterator[HostileFile]:
    dice = random.Random(4)
    for path in sorted(PICTURES.glob("*.heic")):
        whole = path.read_bytes()
        yield _file(f"HEIF {path.stem}", whole, OK)
        for share in (0.1, 0.5, 0.9):
            data = whole[: int(len(whole) * share)]
            yield _file(f"HEIF {path.stem} cut at {share:.0%}", data, *DAMAGED)
        for number in range(6):
            changed = bytearray(whole)
            for _ in range(dice.randint(1, 12)):
                changed[dice.randrange(8, len(changed))] = dice.randrange(256)
            yield _file(f"HEIF {path.stem} with bytes changed, {number}", bytes(changed), *DAMAGED)
    whole = (PICTURES / "quadrants.heic").read_bytes()
    side = struct.pack("!II", 64, 64)
    huge = whole.replace(side, struct.pack("!II", 60_000, 60_000))
    yield _file("HEIF that says 60,000 by 60,000", huge, TOO_MANY)
    yield _file(
        "HEIF that says 7,000 by 7,000", whole.replace(side, struct.pack("!II", 7000, 7000)), *DAMAGED
    )
    yield _file("HEIF of a million boxes", whole[:28] + b"\0\0\0\x08free" * 300_000, UNDECODABLE)
    yield _file("HEIF signature alone", whole[:12], UNDECODABLE)


def _profiles() -> Iterator[HostileFile]:
    dice = random.Random(5)
    tags = struct.pack("!I", 2**31) + b"A2B0" * 100
    for name, profile in {
        "zeros": bytes(1000),
        "junk": dice.randbytes(5000),
        "a header and junk": bytes(12) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + dice.randbytes(3000),
        "more tags than bytes": bytes(36) + b"acsp" + bytes(88) + tags,
        "a megabyte of the same": b"x" * 900_000,
    }.items():
        for kind in ("JPEG", "PNG", "TIFF"):
            yield _file(f"{kind} with a profile of {name}", encoded(photo(), kind, icc_profile=profile), OK)


def png(width: int, height: int, pixels: bytes = zlib.compress(bytes(100))) -> bytes:
    """Return a PNG that declares this size, whatever its pixel data is."""
    header = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))


def _with_segment(jpeg: bytes, marker: int, data: bytes, *, times: int = 1) -> bytes:
    segment = bytes([0xFF, marker]) + struct.pack("!H", len(data) + 2) + data
    return jpeg[:2] + segment * times + jpeg[2:]


def _tiff_of_one_tile(tile_px: int) -> bytes:
    data = zlib.compress(bytes(10_000))
    entries = [(256, 16), (257, 16), (258, 8), (259, 8), (262, 1), (277, 1)]
    entries += [(322, tile_px), (323, tile_px), (324, 8), (325, len(data))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    place = struct.pack("<I", 8 + len(data))
    return b"II*\0" + place + data + struct.pack("<H", len(entries)) + directory + bytes(4)
