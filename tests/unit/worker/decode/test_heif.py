"""A HEIF decodes to its primary picture, rotated once, whatever else the container has.

The coded pictures show four quadrants: red and lime above blue and white.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import ExifTags, Image

from common.errors import ImageTooManyPixels, UndecodableImage, UnsupportedImage
from common.images.formats.heif import primary_picture
from tests.unit.worker.decode.files import heif, icc
from tests.unit.worker.decode.pictures import decode, encoded, quadrants
from worker.decode.processes.pool import DecoderPool

pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 64
RED, LIME, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
Corners = tuple[tuple[float, ...], ...]
UPRIGHT: Corners = (RED, LIME, BLUE, WHITE)


def shows(file: bytes, corners: Corners, *, side: int = SIDE, within: int = 3) -> bool:
    """Return whether the quadrants have these colours: top left, top right, bottom left, bottom right."""
    pixels, near, far = decode(file, size_px=side).astype(int), side // 4, 3 * side // 4
    seen = [pixels[row, column] for row, column in ((near, near), (near, far), (far, near), (far, far))]
    return all(np.abs(pixel - colour).max() <= within for pixel, colour in zip(seen, corners, strict=True))


@pytest.mark.parametrize("name", ["quadrants.heic", "ten-bits.heic"])
def test_8_and_10_bit_pictures_decode(name: str) -> None:
    assert shows(heif.picture(name), UPRIGHT)


@pytest.mark.parametrize("name", ["grey.heic", "grey-ten-bits.heic"])
def test_a_grey_picture_decodes(name: str) -> None:
    assert shows(heif.picture(name), ((76,) * 3, (150,) * 3, (29,) * 3, (255,) * 3))


@pytest.mark.parametrize("name", ["alpha.heic", "alpha-premultiplied.heic"])
def test_transparency_is_blended_with_white(name: str) -> None:
    pixels = decode(heif.picture(name), size_px=SIDE).astype(int)

    # The red and blue quadrants have columns with an alpha of 255 and 128; the lime and white quadrants have
    # columns with an alpha of 0 and 64.
    for row, column, colour in (
        (8, 8, (255, 0, 0)),
        (8, 24, (255, 127, 127)),
        (8, 40, (255, 255, 255)),
        (8, 56, (191, 255, 191)),
        (56, 8, (0, 0, 255)),
        (56, 24, (127, 127, 255)),
    ):
        assert np.abs(pixels[row, column] - colour).max() <= 5


@pytest.mark.parametrize(
    ("quarters", "corners"),
    [
        (0, UPRIGHT),
        (1, (LIME, WHITE, RED, BLUE)),
        (2, (WHITE, BLUE, LIME, RED)),
        (3, (BLUE, RED, WHITE, LIME)),
    ],
)
@pytest.mark.parametrize("exif_orientation", [None, 6, 8])
def test_a_picture_is_rotated_once_as_its_container_says(
    quarters: int, corners: Corners, exif_orientation: int | None
) -> None:
    # A phone writes the rotation into the container and into Exif; only the container's rotation applies.
    exif = Image.Exif()
    if exif_orientation is not None:
        exif[ExifTags.Base.Orientation] = exif_orientation

    item = heif.coded(more=[heif.rotated(quarters)])
    file = heif.heif(item, exif=exif.tobytes() if exif_orientation else b"")

    assert shows(file, corners)


@pytest.mark.parametrize(
    ("top_to_bottom", "corners"), [(True, (BLUE, WHITE, RED, LIME)), (False, (LIME, RED, WHITE, BLUE))]
)
def test_a_mirrored_picture_decodes(top_to_bottom: bool, corners: Corners) -> None:
    assert shows(heif.heif(heif.coded(more=[heif.mirrored(top_to_bottom=top_to_bottom)])), corners)


def test_transformations_are_applied_in_the_order_of_the_properties() -> None:
    item = heif.coded(more=[heif.rotated(1), heif.mirrored(top_to_bottom=True)])

    assert shows(heif.heif(item), (RED, BLUE, LIME, WHITE))


def test_a_picture_is_cropped_to_its_clean_aperture() -> None:
    item = heif.coded(more=[heif.clean_aperture(32, 32, left=32, top=0)])

    assert shows(heif.heif(item), (LIME,) * 4, side=32)


def avif(*more: heif.Property) -> bytes:
    """Return an AVIF of the four quadrants, with additional properties."""
    file = encoded(quadrants(), "AVIF", quality=95)
    properties = ((b"av1C", heif.content(file, b"av1C")), heif.size(64, 64), *more)
    return heif.heif(heif.Item(b"av01", file[file.index(b"mdat") + 4 :], properties), brand=b"avif")


def test_an_avif_is_cropped_rotated_and_mirrored() -> None:
    crop = heif.clean_aperture(32, 32, left=32, top=0)

    assert shows(avif(), UPRIGHT)
    assert shows(avif(crop), (LIME,) * 4, side=32)
    assert shows(avif(heif.rotated(1), heif.mirrored(top_to_bottom=True)), (RED, BLUE, LIME, WHITE))
    # The crop is applied before the rotation.
    assert shows(avif(crop, heif.rotated(1)), (LIME,) * 4, side=32)


@pytest.mark.parametrize(
    "crop",
    [
        heif.clean_aperture(64, 64, left=1, top=0),
        heif.clean_aperture(0, 32, left=0, top=0),
        (b"clap", bytes(32)),
    ],
)
def test_an_invalid_crop_is_ignored(crop: heif.Property) -> None:
    assert shows(avif(crop), UPRIGHT)


def test_a_tiled_picture_is_assembled() -> None:
    turned = heif.coded(more=[heif.rotated(2)])
    tiles = (heif.coded(), turned, turned, heif.coded())

    file = heif.heif(*tiles, heif.grid(2, 2, parts=(1, 2, 3, 4)), primary=5)

    pixels = decode(file, size_px=2 * SIDE).astype(int)
    for (top, left), corners in {
        (0, 0): UPRIGHT,
        (0, SIDE): (WHITE, BLUE, LIME, RED),
        (SIDE, SIDE): UPRIGHT,
    }.items():
        for place, colour in zip(((16, 16), (16, 48), (48, 16), (48, 48)), corners, strict=True):
            assert np.abs(pixels[top + place[0], left + place[1]] - colour).max() <= 3


def test_the_primary_picture_is_decoded() -> None:
    file = heif.heif(heif.coded(name="grey.heic"), heif.coded(), heif.coded(name="grey.heic"), primary=2)

    assert shows(file, UPRIGHT)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"heix"])
def test_common_brands_are_accepted(brand: bytes) -> None:
    assert shows(heif.heif(heif.coded(), brand=brand), UPRIGHT)


@pytest.mark.parametrize(
    "colour",
    [heif.icc(icc.matrix_profile(primaries=icc.DISPLAY_P3)), heif.codes(12, 13)],
    ids=["ICC", "nclx"],
)
def test_display_p3_is_converted_to_srgb(colour: heif.Property) -> None:
    coded = np.array([(180, 110, 90), (90, 150, 100), (100, 110, 170), (128, 128, 128)], dtype=np.uint8)

    plain = heif.heif(heif.coded(name="muted.heic"))
    wide = heif.heif(heif.coded(name="muted.heic", more=[colour]))

    assert shows(plain, tuple(map(tuple, coded.tolist())), within=4)
    assert shows(wide, tuple(map(tuple, icc.seen(coded, primaries=icc.DISPLAY_P3).tolist())), within=4)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(size_px=SIDE, max_pixels=1_000_000) as opened:
        yield opened


@pytest.mark.starts_processes
def test_a_confined_decoder_leaves_no_threads_after_reading_tiles(pool: DecoderPool) -> None:
    file = heif.heif(*[heif.coded()] * 60, heif.grid(6, 10, parts=range(1, 61)), primary=61)

    decoded = [pool.decode(file, timeout_s=30) for _ in range(3)]

    assert np.array_equal(decoded[0], decode(file, size_px=SIDE))
    assert np.array_equal(decoded[0], decoded[2])


@pytest.mark.starts_processes
@pytest.mark.parametrize("bits", [9, 10, 12, 15])
def test_a_grey_picture_with_fewer_bits_than_its_header_declares_is_refused(
    bits: int, pool: DecoderPool
) -> None:
    # pi-heif 1.4.0 writes past the end of the 8-bit plane and corrupts the decoder's memory.
    configuration = bytearray(heif.content(heif.picture("grey.heic"), b"hvcC"))
    configuration[heif.LUMA_BITS_AT] = 0xF8 | bits - 8
    grey = heif.coded(name="grey.heic")
    size = grey.properties[1]
    false = heif.Item(grey.kind, grey.data, ((b"hvcC", bytes(configuration)), size))
    before = pool.pids

    for _ in range(3):
        with pytest.raises(UndecodableImage):
            pool.decode(heif.heif(false), timeout_s=30)

    assert pool.pids == before


def test_the_size_is_read_without_decoding() -> None:
    file = heif.heif(*[heif.coded()] * 4, heif.grid(2, 2, parts=(1, 2, 3, 4)), primary=5)

    found = primary_picture(file)

    assert (found.width, found.height, found.codec, found.coded_pixels) == (128, 128, b"hvc1", 4 * 64 * 64)


def test_too_many_pixels_are_refused_from_the_header() -> None:
    with pytest.raises(ImageTooManyPixels):
        decode(heif.picture("quadrants.heic"), size_px=SIDE, max_pixels=64 * 64 - 1)


def test_too_many_pixels_in_component_pictures_are_refused_from_the_header() -> None:
    # The overlay picture is small, but repeats its only component picture a hundred times.
    item = heif.Item(b"iovl", bytes(30), (heif.size(64, 64),), (1,) * 100)

    with pytest.raises(ImageTooManyPixels, match="made of"):
        decode(heif.heif(heif.coded(), item, primary=2), size_px=SIDE, max_pixels=64 * 64 * 20)


def test_another_codec_is_refused_by_name() -> None:
    item = heif.Item(b"avc1", bytes(100), (heif.size(64, 64),))

    with pytest.raises(UnsupportedImage, match="'avc1'"):
        decode(heif.heif(item), size_px=SIDE)


def test_circular_references_between_items_are_refused() -> None:
    first, second = (heif.Item(b"grid", bytes(8), (heif.size(64, 64),), (other,)) for other in (2, 1))

    with pytest.raises(UndecodableImage, match="circle"):
        decode(heif.heif(first, second), size_px=SIDE)


def test_a_sequence_without_a_still_picture_is_refused_by_name() -> None:
    file = heif.heif(heif.coded(), brand=b"hevc")
    without = file[: file.index(b"meta")] + b"moov" + file[file.index(b"meta") + 4 :]

    with pytest.raises(UnsupportedImage, match="sequence"):
        decode(without, size_px=SIDE)
