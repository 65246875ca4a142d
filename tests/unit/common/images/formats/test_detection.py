"""The format of a file is detected from its content, and the error names an unsupported format."""

import base64
import gzip
import io
import re
import struct
import tracemalloc
import zipfile
from random import Random

import numpy as np
import pytest
from PIL import Image

from common.errors import UndecodableImage, UnsupportedImage
from common.images.formats.detection import ACCEPTED, format_of
from common.images.formats.jpeg import MARKER
from tests.unit.worker.decode.files import heif, tiff
from tests.unit.worker.decode.pictures import encoded, noise, quadrants


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_each_accepted_format_is_detected_from_content(kind: str) -> None:
    assert format_of(encoded(noise(40, 30), kind)) == kind


def test_heif_and_avif_are_distinguished_by_codec() -> None:
    coded_as_av1 = encoded(quadrants(), "AVIF").replace(b"ftypavif", b"ftypmif1")

    assert format_of(heif.heif(heif.coded(), brand=b"mif1")) == "HEIF"
    assert format_of(coded_as_av1) == "AVIF"


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("cover.jpg", encoded(quadrants(), "JPEG"))
    return file.getvalue()


def _boxed(brand: bytes) -> bytes:
    return struct.pack("!I", 24) + b"ftyp" + brand + bytes(4) + b"isom" + brand + b"\0\0\0\x08mdat"


def _frame(marker: int, bits: int) -> bytes:
    """Return a JPEG that ends before its pixel data."""
    app0 = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    tables = b"\xff\xff\xdb" + struct.pack("!H", 67) + bytes(65)
    sizes = struct.pack("!HBHHB", 17, bits, 8, 8, 3) + bytes(9)
    return b"\xff\xd8" + app0 + tables + bytes([0xFF, marker]) + sizes + b"\xff\xda\0\2"


REFUSED = {
    "empty": (b"", "empty"),
    "JPEG XL, bare": (b"\xff\x0a" + bytes(50), "JPEG XL"),
    "JPEG XL": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50), "JPEG XL"),
    "TGA": (encoded(noise(16, 16), "TGA"), "a TGA image"),
    "TGA, run lengths": (encoded(noise(16, 16), "TGA", compression="tga_rle"), "a TGA image"),
    "JPEG 2000": (encoded(noise(16, 16), "JPEG2000"), "JPEG 2000"),
    "JPEG 2000, bare": (encoded(noise(16, 16), "JPEG2000", no_jp2=True), "JPEG 2000"),
    "lossless JPEG": (_frame(0xC3, 8), "lossless JPEG"),
    "JPEG of 12 bits": (_frame(0xC1, 12), "JPEG of 12 bits"),
    "hierarchical JPEG": (_frame(0xC5, 8), "hierarchical JPEG"),
    "JPEG-LS": (_frame(0xF7, 8), "JPEG-LS"),
    "BigTIFF": (encoded(noise(16, 16), "TIFF", big_tiff=True), "BigTIFF"),
    "BigTIFF, big-endian": (b"MM\0+\0\x08\0\0" + bytes(50), "BigTIFF"),
    "DNG": (tiff.tiff(np.zeros((8, 8)), photometric=tiff.RGB, fields=[(50706, [1, 4])]), "RAW"),
    "CR2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(50), "RAW"),
    "CR3": (_boxed(b"crx "), "RAW"),
    "RAF": (b"FUJIFILMCCD-RAW 0201" + bytes(50), "RAW"),
    "PSD": (b"8BPS\0\1" + bytes(50), "PSD"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    "PDF behind blanks": (b"\n\n  %PDF-1.4\n", "PDF"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "SVG behind a prologue": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<svg/>', "SVG"),
    "SVG in UTF-16": ('<?xml version="1.0" encoding="utf-16"?><svg/>'.encode("utf-16"), "SVG"),
    "HTML": (b"<!DOCTYPE html><html><svg></svg></html>", "HTML"),
    "HTML in upper case": (b"\r\n <HTML><HEAD><TITLE>404</TITLE>", "HTML"),
    "HTML behind a comment": (b"<!-- nginx --><html>", "HTML"),
    "HTML in Latin-1": ("<html><title>Nicht verfügbar</title>".encode("latin-1"), "HTML"),
    "HTML longer than is looked at": (b"<html>" + "ü".encode() * 5000, "HTML"),
    "XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
    "JSON": (b'{"error": "not found"}', "JSON"),
    "JSON list": (b' [{"a": 1}]', "JSON"),
    "text": (b"404 page not found\n", "text"),
    "base64": (base64.b64encode(encoded(quadrants(), "PNG")), "base64"),
    "data URI": (b"data:image/jpeg;base64,/9j/4AAQ", "base64"),
    "ZIP": (_zip(), "ZIP"),
    "gzip": (gzip.compress(encoded(quadrants(), "BMP")), "gzip"),
    "MP4": (_boxed(b"mp42"), "video (MP4)"),
    "M4V": (_boxed(b"M4V "), "video (MP4)"),
    "QuickTime": (_boxed(b"qt  "), "video (QuickTime)"),
    "old QuickTime": (b"\0\0\0\x08wide\0\0\x10\0mdat" + bytes(20), "video (QuickTime)"),
    "M4A": (_boxed(b"M4A "), "sound"),
    "WebM": (b"\x1aE\xdf\xa3\x01\0\0\0", "WebM"),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", "AVI"),
    "WAV": (b"RIFF\0\0\0\0WAVEfmt ", "sound (WAV)"),
    "MP3": (b"ID3\x03\0\0\0", "sound (MP3)"),
    "ICO": (encoded(noise(16, 16), "ICO"), "icon"),
    "PPM": (encoded(noise(16, 16), "PPM"), "Netpbm"),
    "PNG for iOS": (b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI" + bytes(50), "iOS"),
}


@pytest.mark.parametrize(("data", "name"), REFUSED.values(), ids=REFUSED)
def test_an_unsupported_format_is_named_with_a_remedy(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage) as refused:
        format_of(data)

    what, _, advice = refused.value.detail.partition("; ")
    assert name in what
    assert advice.split()[0] in {"save", "send", "export", "unpack", "render", "decode", "a"}


@pytest.mark.parametrize(
    "data", [b"\0" * 100, b"\x7fELF" + bytes(100), bytes(range(128, 256)), b"RIFF\0\0\0\0", b"a\0b\0c"]
)
def test_unknown_content_is_not_an_accepted_format(data: bytes) -> None:
    with pytest.raises(UnsupportedImage) as refused:
        format_of(data)

    assert refused.value.detail == f"the file is not {ACCEPTED}"


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_8_bit_jpeg_process_is_accepted(mode: str, progressive: bool) -> None:
    assert format_of(encoded(noise(40, 30).convert(mode), "JPEG", progressive=progressive)) == "JPEG"


def test_jpeg_metadata_is_not_searched_for_a_frame() -> None:
    whole = encoded(quadrants(), "JPEG")
    thumbnail = b"\xff\xe1" + struct.pack("!H", 202) + _frame(0xC3, 12).ljust(200, b"\0")

    assert format_of(whole[:2] + thumbnail + whole[2:]) == "JPEG"


def test_every_marker_is_found_behind_fill_bytes_and_stuffed_bytes() -> None:
    random = Random(5)
    pieces = (b"\xff" * 63, b"\xff" * 64, b"\xff" * 200, b"\xff", b"\xff\xff", b"\0", b"\xda", b"\n", b"a")
    for _ in range(300):
        data = b"".join(random.choices(pieces, k=random.randrange(12)))
        plain = [(found.end(), found[1]) for found in re.finditer(rb"\xff([^\x00\xff])", data)]

        at, markers = 0, []
        while (found := MARKER.search(data, at)) is not None and found[1] is not None:
            at = found.end()
            markers.append((at, found[1]))

        assert markers == plain


@pytest.mark.timeout(20)  # 9 MB take 20 ms; a search that restarted at each byte would take hours
@pytest.mark.parametrize("data", [b"\xff\xd8\xff" * 3_000_000, b"\xff\xd8" + b"\xff" * 9_000_000])
def test_a_jpeg_of_only_markers_is_read_in_one_pass(data: bytes) -> None:
    assert format_of(data) == "JPEG"


@pytest.mark.parametrize("kind", ["TIFF", "AVIF"])
def test_a_damaged_header_raises_no_other_error(kind: str) -> None:
    whole = encoded(noise(40, 30), kind) if kind == "AVIF" else encoded(quadrants(), kind, compression="raw")
    head = whole[:600]

    for place in range(len(head)):
        for wrong in (0, 0x7F, 0xFF):
            try:
                format_of(head[:place] + bytes([wrong]) + whole[place + 1 :])
                format_of(whole[:place])
            except (UnsupportedImage, UndecodableImage):
                continue


def test_a_tiff_with_more_entries_than_bytes_is_undecodable() -> None:
    with pytest.raises(UndecodableImage):
        format_of(b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + bytes(100))


def test_a_file_of_a_million_boxes_is_undecodable() -> None:
    with pytest.raises(UndecodableImage, match="too long"):
        format_of(struct.pack("!I", 16) + b"ftypheic\0\0\0\0" + b"\0\0\0\x08free" * 1_000_000)


def _heif_of(*boxes: bytes) -> bytes:
    """Return a HEIF file with these boxes inside the box `meta`."""
    body = bytes(4) + b"".join(boxes)
    return struct.pack("!I", 16) + b"ftypheic\0\0\0\0" + struct.pack("!I", 8 + len(body)) + b"meta" + body


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!I", 8 + len(body)) + kind + body


def _items(*kinds: bytes) -> bytes:
    entries = b"".join(
        _box(b"infe", b"\2\0\0\0" + struct.pack("!HH4s", number, 0, kind))
        for number, kind in enumerate(kinds, 1)
    )
    primary = _box(b"pitm", bytes(4) + struct.pack("!H", 1))
    return primary + _box(b"iinf", bytes(4) + struct.pack("!H", len(kinds)) + entries)


def _made_of(item: int, parts: list[int]) -> bytes:
    return _box(b"dimg", struct.pack(f"!HH{len(parts)}H", item, len(parts), *parts))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "data",
    [
        # a million references
        _heif_of(_items(b"grid"), _box(b"iref", bytes(4) + _made_of(1, [2] * 65_535) * 70)),
        # a grid of 9,000 grids that each have 9,000 tiles
        _heif_of(
            _items(b"grid", b"grid", b"hvc1"),
            _box(b"iref", bytes(4) + _made_of(1, [2] * 9000) + _made_of(2, [3] * 9000)),
        ),
        # a million items without properties
        _heif_of(
            _items(b"hvc1"),
            _box(b"iprp", _box(b"ipma", bytes(4) + struct.pack("!I", 2**32 - 1) + b"\0\1\0" * 3_000_000)),
        ),
    ],
    ids=["references", "grids of grids", "associations"],
)
def test_a_heif_with_excessive_items_is_undecodable_in_little_memory(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(UndecodableImage):
        format_of(data)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 10_000_000


def test_a_tiff_of_too_many_fields_is_undecodable() -> None:
    entry = struct.pack("<HHII", 256, 4, 1, 8)

    with pytest.raises(UndecodableImage, match="too long"):
        format_of(b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + entry * 65_535)


def test_data_after_an_image_does_not_affect_detection() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "GIF")

    assert format_of(file.getvalue() + b"<html>") == "GIF"
