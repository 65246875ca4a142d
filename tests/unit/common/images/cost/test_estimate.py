"""The decoding cost of every accepted format is estimated from header and markers, in limited time."""

import contextlib
import random
import struct
import zlib

import pytest
from PIL import Image

from benchmarks.costly_images import jpegs, pngs, tiffs
from benchmarks.costly_images.families import FAMILIES
from benchmarks.costly_images.family import Family, encoded, noise
from benchmarks.costly_images.measurement import accepted_cost_s
from common.errors import ImageError, ImageTooCostly, UndecodableImage
from common.images.cost.estimate import MAX_COST_S, READERS, check_cost, read_image_summary
from common.images.formats.detection import format_of
from tests.unit.worker.decode.files import heif

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
#: Families that stay cheap at any size, because the reader limits the number of entries that it reads.
ENDLESS = {"entries of EXIF", "elements of a profile", "texts that inflate"}
REFUSED = [family for family in FAMILIES if family.is_light and family.name not in ENDLESS]


def cost_s(data: bytes) -> float:
    return read_image_summary(data, format_of(data)).cost_s


def cover(image_format: str, side: int = 1000) -> bytes:
    return encoded(noise(side, side, grain_px=8), image_format)


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_typical_cover_costs_a_small_part_of_the_limit(image_format: str) -> None:
    summary = read_image_summary(cover(image_format), image_format)

    assert (summary.width, summary.height) == (1000, 1000)
    assert 0 < summary.cost_s < MAX_COST_S / 8


def test_the_cost_of_a_heif_includes_its_component_pictures() -> None:
    tile = heif.coded()
    few, many = (heif.heif(heif.grid(n, n, parts=range(2, 2 + n * n)), *[tile] * (n * n)) for n in (1, 10))

    assert cost_s(many) > 50 * cost_s(few)


@pytest.mark.parametrize("family", REFUSED, ids=lambda family: f"{family.format} {family.name}")
def test_each_kind_of_costly_file_is_refused(family: Family) -> None:
    assert accepted_cost_s(family.make(family.beyond)) is None


@pytest.mark.parametrize("tags", [(273, 279), (324, 325)], ids=["strips", "tiles"])
@pytest.mark.parametrize("compression", [1, 7])
def test_a_tiff_with_millions_of_parts_is_refused_before_they_are_read(
    tags: tuple[int, int], compression: int
) -> None:
    numbers = bytes(5_000_000)
    fields = [(256, 4, [1]), (257, 4, [1]), (259, 3, [compression]), *((tag, 1, numbers) for tag in tags)]

    with pytest.raises(ImageTooCostly, match="more than 20000 strips or tiles"):
        cost_s(tiffs.file(b"", fields))


def test_the_cost_of_jpeg_scans_grows_with_their_number_and_pixels() -> None:
    ten, twenty = (cost_s(jpegs.repeated_last_scan(count)) for count in (10, 20))

    assert twenty > ten + 0.3


def test_the_range_of_coefficients_does_not_count_in_a_sequential_jpeg() -> None:
    right, wrong = (jpegs.sequential_scans(10, coefficients=each) for each in ((0, 63), (63, 0)))

    assert cost_s(wrong) == cost_s(right) > 0.15


def test_each_row_of_a_png_costs_time() -> None:
    wide, high = (
        read_image_summary(pngs.png_of_size(*size), "PNG").cost_s for size in ((8_000_000, 1), (1, 8_000_000))
    )

    assert high > wide + 0.2


def test_a_png_with_two_headers_is_refused() -> None:
    with pytest.raises(UndecodableImage, match="two headers"):
        read_image_summary(pngs.two_headers(100), "PNG")


def test_frames_of_an_animation_after_the_first_picture_cost_nothing() -> None:
    still = cover("PNG", side=300)
    frame = struct.pack("!IIIIIHHBB", 0, 300, 300, 0, 0, 1, 1, 0, 0)
    more = pngs.chunk(b"fcTL", frame) + pngs.chunk(b"fdAT", bytes(100_000)) * 2
    end = still.rindex(b"IEND") - 4

    assert cost_s(still[:end] + more + still[end:]) < cost_s(still) + 0.001


@pytest.mark.parametrize("kind", [1, 3, 4, 6, 8, 9, 16])
def test_the_size_of_a_tiff_counts_in_every_integer_type(kind: int) -> None:
    fields = dict.fromkeys((256, 257), kind) if kind != 16 else {}
    tile = tiffs.tiff(100, 120, b"", tile=(112, 112), types=fields | dict.fromkeys((322, 323), kind))
    plain = tiffs.tiff(100, 120, b"", tile=(112, 112))

    assert cost_s(tile) == pytest.approx(cost_s(plain), rel=0.01)


def test_a_tile_counts_in_full_if_its_data_is_listed_as_a_strip() -> None:
    # libtiff reads tiles if the file declares their size; here a tile of 2500 x 2500 pixels for 16 x 16.
    tiled = tiffs.tiff(16, 16, zlib.compress(bytes(2500 * 2500)), tile=(2500, 2500))
    listed_as_strips = tiled
    for tile_tag, strip_tag in ((324, 273), (325, 279)):
        entry = struct.pack("<HH", tile_tag, 4)
        assert listed_as_strips.count(entry) == 1
        listed_as_strips = listed_as_strips.replace(entry, struct.pack("<HH", strip_tag, 4))

    assert cost_s(listed_as_strips) == pytest.approx(cost_s(tiled), rel=0.01)


def test_a_tiff_with_a_field_twice_is_refused() -> None:
    twice = tiffs.tiff(16, 16, bytes(256), compression=1, extra=[(259, 3, [34925])])

    with pytest.raises(UndecodableImage, match="field 259 twice"):
        read_image_summary(twice, "TIFF")


def test_a_phone_photograph_is_not_a_long_file() -> None:
    photograph = noise(4000, 3000, grain_px=8)

    for progressive in (False, True):
        data = encoded(photograph, "JPEG", quality=90, progressive=progressive)
        assert cost_s(data) < 0.25


@pytest.mark.parametrize(
    ("mode", "kind", "width"),
    [
        ("RGB", "PNG", 7142),
        ("RGBA", "PNG", 7000),
        ("L", "PNG", 7142),
        ("RGB", "JPEG", 7142),
        ("CMYK", "JPEG", 7142),
        ("P", "GIF", 7142),
        ("1", "BMP", 7142),
        ("RGB", "TIFF", 7142),
    ],
)
def test_ordinary_pictures_near_the_pixel_limit_are_accepted(mode: str, kind: str, width: int) -> None:
    options: dict[str, dict[str, object]] = {
        "TIFF": {"compression": "tiff_lzw"},
        "PNG": {"compress_level": 1},
    }
    data = encoded(Image.new(mode, (width, 7000)), kind, **options.get(kind, {}))

    check_cost(read_image_summary(data, kind), max_cost_s=MAX_COST_S)


def test_an_embedded_jpeg_thumbnail_is_not_a_scan() -> None:
    plain = cover("JPEG")
    thumbnail = encoded(noise(160, 160, grain_px=8), "JPEG", progressive=True)
    exif = Image.Exif()
    exif[0x010E] = "a cover"
    with_thumbnail = encoded(noise(1000, 1000, grain_px=8), "JPEG", exif=exif.tobytes() + thumbnail)

    assert cost_s(with_thumbnail) < cost_s(plain) + 0.02


def test_only_the_first_frame_of_an_animation_costs() -> None:
    frames = [noise(300, 300, grain_px=4).rotate(angle) for angle in range(12)]

    for kind in ("GIF", "WEBP"):
        one = encoded(frames[0], kind, save_all=True, append_images=frames[1:2])
        many = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert cost_s(many) < 1.2 * cost_s(one)


@pytest.mark.parametrize("image_format", READERS)
def test_a_damaged_file_raises_only_image_errors(image_format: str) -> None:
    whole = heif.picture("quadrants.heic") if image_format == "HEIF" else cover(image_format, side=60)
    dice = random.Random(5)

    for _ in range(400):
        data = bytearray(whole[: dice.randrange(len(whole))] if dice.random() < 0.3 else whole)
        for _ in range(dice.randint(0, 8)):
            if len(data) > 12:
                data[dice.randrange(2, min(len(data), 400))] = dice.randrange(256)
        with contextlib.suppress(ImageError):
            assert read_image_summary(bytes(data), image_format).cost_s >= 0
