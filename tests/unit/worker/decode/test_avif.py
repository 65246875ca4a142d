"""Truncated AVIFs decode, and the decoding cost includes pixels that the container does not declare."""

import io
import struct
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from api.http.request_bodies.image_header import check_image
from common.errors import ImageTooManyPixels, UndecodableImage
from common.images.cost.estimate import read_image_summary
from common.images.formats.avif import without_sequence
from common.images.formats.heif import primary_picture
from common.images.formats.heif_coded_pictures import leb128, obus
from tests.unit.worker.decode.pictures import decode, encoded, noise, quadrants

SIDE = 224
PIXELS_MAX = 50_000_000


def declared(data: bytes, *, side: int, as_side: int) -> bytes:
    """Return a copy of the file whose pictures declare another width and height."""
    size, other = (b"ispe" + struct.pack("!III", 0, each, each) for each in (side, as_side))
    assert size in data
    return data.replace(size, other)


def animated(first: str, second: str, side: int = 64) -> bytes:
    frames = [Image.new("RGB", (side, side), colour) for colour in (first, second)]
    file = io.BytesIO()
    frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


@cache
def whole_and_pixels(mode: str, grain_px: int) -> tuple[bytes, npt.NDArray[np.int16]]:
    """Return an AVIF of noise, and its decoded pixels."""
    picture = noise(500, 500, grain_px=grain_px, mode=mode.replace("A", ""))
    if mode == "RGBA":
        picture.putalpha(noise(500, 500, grain_px=grain_px, mode="L"))
    whole = encoded(picture, "AVIF")
    return whole, decode(whole, size_px=SIDE).astype(np.int16)


@pytest.mark.parametrize("missing", [1, 2, 3, 5, 10, 20, "0.5 %", "0.9 %"])
@pytest.mark.parametrize("grain_px", [2, 17, 60])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_an_avif_that_lacks_its_last_bytes_decodes(mode: str, grain_px: int, missing: int | str) -> None:
    whole, pixels = whole_and_pixels(mode, grain_px)
    count = missing if isinstance(missing, int) else int(len(whole) * float(missing.split()[0]) / 100)
    cut = whole[: -min(max(count, 1), len(whole) // 100)]

    check_image(cut, max_pixels=PIXELS_MAX)
    differences = np.abs(decode(cut, size_px=SIDE).astype(np.int16) - pixels).max(axis=-1)

    assert (differences > 16).mean() < 0.03


def test_an_avif_that_lacks_more_than_a_hundredth_is_refused() -> None:
    whole = encoded(noise(500, 500, grain_px=17), "AVIF")

    with pytest.raises(UndecodableImage, match="cut short"):
        decode(whole[: -len(whole) // 50], size_px=SIDE)


def test_a_truncated_avif_with_an_item_without_a_location_is_read() -> None:
    picture = noise(500, 500, grain_px=17)
    picture.putalpha(noise(500, 500, grain_px=17, mode="L"))
    whole = encoded(picture, "AVIF")
    second_entry = whole.index(b"iloc") + 12 + 14
    assert struct.unpack_from("!H", whole, second_entry) == (2,)
    moved = bytearray(whole[:-3])
    struct.pack_into("!H", moved, second_entry, 99)

    check_image(bytes(moved), max_pixels=PIXELS_MAX)


def test_the_coded_size_of_an_avif_counts_if_it_is_larger_than_declared() -> None:
    true = encoded(Image.new("RGB", (3000, 3000), "red"), "AVIF", speed=10)
    lying = declared(true, side=3000, as_side=64)

    assert primary_picture(lying).coded_pixels == 9_000_000
    assert read_image_summary(lying, "AVIF").cost_s > 9_000_000 * 14e-9
    with pytest.raises(ImageTooManyPixels, match="9000000"):
        check_image(lying, max_pixels=1_000_000)


def test_the_coded_size_of_an_alpha_plane_counts_too() -> None:
    picture = noise(1000, 1000, grain_px=40)
    picture.putalpha(noise(1000, 1000, grain_px=40, mode="L"))
    lying = declared(encoded(picture, "AVIF", speed=10), side=1000, as_side=16)

    found = primary_picture(lying)

    assert (found.coded_pixels, found.alpha_pixels) == (1_000_000, 1_000_000)


def test_hidden_frames_in_an_avif_count() -> None:
    whole = encoded(quadrants(), "AVIF")
    begin = whole.index(b"mdat") + 4
    units = list(obus(whole[begin:]))
    frame = next(whole[begin + each.start : begin + each.end] for each in units if each.kind == 6)
    place = whole.index(struct.pack("!II", begin, len(whole) - begin))
    many = whole[:place] + struct.pack("!II", begin, len(whole) - begin + 99 * len(frame))
    many += whole[place + 8 :] + frame * 99

    assert primary_picture(many).coded_pixels == 100 * primary_picture(whole).coded_pixels


def test_the_still_picture_of_an_animated_avif_is_decoded_and_not_the_sequence() -> None:
    data = animated("red", "blue")
    # The image sequence in the file declares another size than the still picture.
    track = data.index(b"tkhd")
    lying = data[:track] + data[track:].replace(struct.pack("!II", 64 << 16, 64 << 16), bytes(8))

    pixels = decode(lying, size_px=SIDE)

    np.testing.assert_allclose(pixels, np.broadcast_to([255, 0, 0], pixels.shape), atol=4)
    assert b"moov" not in without_sequence(data)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 16_384, 5_000_000])
def test_sizes_of_units_are_read_as_written(value: int) -> None:
    # 0x32 is the header of a frame unit that declares its size.
    (unit,) = obus(b"\x32" + leb128(value) + bytes(value))

    assert (unit.kind, unit.end - unit.begin) == (6, value)
