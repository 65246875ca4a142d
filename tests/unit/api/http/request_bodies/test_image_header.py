"""Images are accepted by their content, and refused after reading only the header."""

import struct
import tracemalloc
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image

from api.http.request_bodies.image_header import check_image
from common.errors import ImageTooCostly, ImageTooManyPixels, UndecodableImage, UnsupportedImage
from common.images.formats.detection import format_of
from tests.unit.worker.decode.files import heif

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
LIMIT = 1_000_000


def image(image_format: str, *, size: tuple[int, int] = (40, 30)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, "red").save(file, image_format)
    return file.getvalue()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    written = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        written += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return written


def png_header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


@pytest.mark.parametrize("image_format", FORMATS)
def test_each_accepted_format_passes(image_format: str) -> None:
    data = image(image_format)

    check_image(data, max_pixels=LIMIT)

    assert format_of(data) == image_format


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<svg/>", b"%PDF-1.7", b"\0\0\1\0", b"RIFF\0\0\0\0WAVE", b"\0" * 100]
)
def test_other_formats_are_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        check_image(data, max_pixels=LIMIT)


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_truncated_header_is_undecodable(image_format: str) -> None:
    with pytest.raises(UndecodableImage):
        check_image(image(image_format)[:20], max_pixels=LIMIT)


@pytest.mark.parametrize("image_format", FORMATS)
def test_too_many_pixels_are_refused(image_format: str) -> None:
    data = image(image_format, size=(600, 500))

    with pytest.raises(ImageTooManyPixels):
        check_image(data, max_pixels=299_999)

    check_image(data, max_pixels=300_000)


def test_a_heif_with_too_many_pixels_in_itself_or_its_parts_is_refused() -> None:
    tiles = heif.heif(*[heif.coded()] * 4, heif.grid(2, 2, parts=(1, 2, 3, 4)), primary=5)
    overlay = heif.Item(b"iovl", bytes(30), (heif.size(64, 64),), (1,) * 100)
    piled = heif.heif(heif.coded(), overlay, primary=2)

    check_image(heif.picture("quadrants.heic"), max_pixels=64 * 64)
    check_image(tiles, max_pixels=128 * 128)

    with pytest.raises(ImageTooManyPixels, match="128 by 128"):
        check_image(tiles, max_pixels=128 * 128 - 1)
    with pytest.raises(ImageTooManyPixels, match="made of"):
        check_image(piled, max_pixels=20 * 64 * 64)


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    bomb = png(png_header(13_000, 13_000), (b"IDAT", zlib.compress(b"\0" * 100_000)), (b"IEND", b""))

    tracemalloc.start()
    with pytest.raises(ImageTooManyPixels):
        check_image(bomb, max_pixels=LIMIT)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 5_000_000


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (0, 0)])
def test_an_image_without_pixels_is_undecodable(width: int, height: int) -> None:
    with pytest.raises(UndecodableImage):
        check_image(png(png_header(width, height), (b"IEND", b"")), max_pixels=LIMIT)


def test_profiles_that_each_inflate_to_megabytes_are_too_costly() -> None:
    profile = b"profile\0\0" + zlib.compress(b"a" * 4_000_000)
    data = png(png_header(10, 10), *[(b"iCCP", profile)] * 200, (b"IDAT", b""), (b"IEND", b""))

    with pytest.raises(ImageTooCostly):
        check_image(data, max_pixels=LIMIT)


def test_an_endless_header_is_undecodable() -> None:
    padded = b"\xff\xd8\xff" + b"\xff" * 5_000_000

    with pytest.raises(UndecodableImage):
        check_image(padded, max_pixels=LIMIT)


def test_a_tiff_whose_entries_share_data_is_refused_in_little_memory() -> None:
    blob = b"\0" * 1_000_000
    entries = 2000
    directory = struct.pack("<H", entries) + b"".join(
        struct.pack("<HHII", 1000 + tag, 7, len(blob), 8) for tag in range(entries)
    )
    data = b"II*\0" + struct.pack("<I", 8 + len(blob)) + blob + directory + b"\0\0\0\0"

    tracemalloc.start()
    with pytest.raises(ImageTooCostly):
        check_image(data, max_pixels=LIMIT)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 20_000_000


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_damaged_header_raises_only_image_errors(image_format: str) -> None:
    whole = image(image_format)

    for position in range(min(len(whole), 200)):
        damaged = whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :]
        # Any exception that is not an image error fails the test.
        with suppress(UnsupportedImage, UndecodableImage, ImageTooManyPixels):
            check_image(damaged, max_pixels=LIMIT)
