"""A PNG with large or damaged metadata still decodes."""

import random
import zlib

import numpy as np
import pytest

from api.http.request_bodies.image_header import check_image
from common.errors import UndecodableImage
from common.images.cost.png import PROFILE_BYTES_MAX
from tests.unit.worker.decode.files import icc, png
from tests.unit.worker.decode.pictures import decode, quadrants

SIDE = 64
LARGE = zlib.compress(b"a" * 1_200_000)
P3 = icc.matrix_profile(primaries=icc.DISPLAY_P3)


@pytest.mark.parametrize(("kind", "size_bytes"), [(png.GREY, 0), (png.GREY, 1), (png.RGB, 0), (png.RGB, 5)])
def test_an_incomplete_transparent_colour_is_ignored(kind: int, size_bytes: int) -> None:
    picture = quadrants(SIDE) if kind == png.RGB else quadrants(SIDE).convert("L")
    samples = np.asarray(picture)

    damaged = png.png(samples, kind=kind, chunks=[(b"tRNS", bytes(size_bytes))])

    assert np.array_equal(decode(damaged, size_px=SIDE), decode(png.png(samples, kind=kind), size_px=SIDE))


def test_a_palette_picture_without_its_palette_is_undecodable() -> None:
    file = png.png(np.zeros((SIDE, SIDE), dtype=np.uint8), kind=png.PALETTE)

    with pytest.raises(UndecodableImage):
        decode(file, size_px=SIDE)


def padded_profile(size_bytes: int) -> bytes:
    """Return a Display P3 profile of this size, which is filled with random data in a private tag."""
    noise = random.Random(1).randbytes(size_bytes - len(P3) - 12)
    xyz = icc.rgb_to_xyz(icc.DISPLAY_P3, icc.D65_XY)
    curve = icc.parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = [(b"wtpt", icc._xyz(icc.D50))]
    tags += [(name, icc._xyz(xyz[:, index])) for index, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return icc.profile(b"RGB ", [*tags, (b"priv", b"data" + bytes(4) + noise)])


def file(*chunks: png.Chunk) -> bytes:
    return png.png(np.asarray(quadrants(SIDE)) // 2 + 40, kind=png.RGB, chunks=chunks)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"Raw profile type xmp\0\0" + LARGE),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LARGE),
        (b"tEXt", b"Comment\0" + b"a" * 2_000_000),
        (b"zTXt", b"Comment\0\1" + LARGE),
        (b"iCCP", b"profile\0\1" + zlib.compress(P3)),
        (b"iCCP", b"profile\0\0" + zlib.compress(P3)[:-20]),
        (b"iCCP", b"profile\0\0" + zlib.compress(bytes(PROFILE_BYTES_MAX + 1))),
        (b"iCCP", b""),
        (b"iCCP", b"no end"),
    ],
    ids=lambda chunk: f"{chunk[0].decode()} of {len(chunk[1])} bytes",
)
def test_metadata_that_is_large_or_damaged_is_ignored(chunk: png.Chunk) -> None:
    data = file(chunk)

    check_image(data, max_pixels=50_000_000)
    assert np.array_equal(decode(data, size_px=SIDE), decode(file(), size_px=SIDE))


@pytest.mark.parametrize("size_bytes", [len(P3) + 100, 1_500_000, PROFILE_BYTES_MAX - 1000])
def test_a_profile_of_up_to_four_megabytes_is_used(size_bytes: int) -> None:
    data = file(png.profile(padded_profile(size_bytes)))

    assert np.array_equal(decode(data, size_px=SIDE), decode(file(png.profile(P3)), size_px=SIDE))
    assert not np.array_equal(decode(data, size_px=SIDE), decode(file(), size_px=SIDE))


def test_metadata_of_a_truncated_file_is_ignored() -> None:
    whole = png.png(
        np.random.default_rng(1).integers(0, 256, (300, 300, 3), dtype=np.uint8),
        kind=png.RGB,
        chunks=[(b"zTXt", b"Comment\0\0" + LARGE)],
    )

    assert decode(whole[:-100], size_px=SIDE).shape == (SIDE, SIDE, 3)
