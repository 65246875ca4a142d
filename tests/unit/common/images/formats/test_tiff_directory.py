"""A TIFF's directory is read as libtiff and Pillow read it, or refused; no value causes another error."""

import itertools
import struct
from collections.abc import Iterator

import pytest

from api.http.request_bodies.image_header import check_image
from benchmarks.costly_images import tiffs
from common.errors import ImageError, UndecodableImage, UnsupportedImage
from common.images.formats.detection import format_of
from common.images.formats.tiff_directory import Tag

#: A picture with every field that the gateway reads, except the fields of tiles and of RAW files.
WHOLE = tiffs.tiff(
    16,
    16,
    bytes(16 * 16 * 3),
    compression=1,
    bits=(8, 8, 8),
    photometric=2,
    extra=[(254, 4, [0]), (266, 3, [1]), (274, 3, [1]), (284, 3, [1]), (338, 3, [0]), (339, 3, [1, 1, 1])],
)
IFD = 13


def entries() -> Iterator[tuple[int, int]]:
    """Yield each field's tag and the offset of its entry."""
    (start,) = struct.unpack_from("<I", WHOLE, 4)
    (count,) = struct.unpack_from("<H", WHOLE, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        yield struct.unpack_from("<H", WHOLE, at)[0], at


def changed(tag: int, *, kind: int, count: int, value: int, data: bytes = WHOLE) -> bytes:
    copy, at = bytearray(data), dict(entries())[tag]
    struct.pack_into("<HII", copy, at + 2, kind, count, value)
    return bytes(copy)


def test_the_whole_picture_is_accepted() -> None:
    assert check_image(WHOLE, max_pixels=1000) > 0
    assert {tag for tag, _ in entries()} <= set(Tag) | {278}


@pytest.mark.parametrize("tag", [tag for tag, _ in entries()])
def test_every_kind_of_field_is_accepted_or_an_image_error(tag: int) -> None:
    kinds, counts = range(20), (0, 1, 3, 9, 2**31, 2**32 - 1)
    values = (0, 1, 3, 8, 255, 65_535, 65_536, 2**31, 2**32 - 1, len(WHOLE) - 1)

    for kind, count, value in itertools.product(kinds, counts, values):
        try:
            check_image(changed(tag, kind=kind, count=count, value=value), max_pixels=50_000_000)
        except ImageError:
            continue


def test_a_picture_of_no_samples_is_no_unexpected_error() -> None:
    """A TIFF that declares no samples is read as if it declared one sample."""
    without = changed(Tag.SAMPLES, kind=3, count=1, value=0)
    one = changed(Tag.BITS, kind=3, count=1, value=8, data=without)

    assert format_of(one) == "TIFF"


@pytest.mark.parametrize(
    ("tag", "value", "refused"),
    [(Tag.FILL_ORDER, 2, "reverse order"), (Tag.SAMPLE_FORMAT, 3, "floating-point")],
)
@pytest.mark.parametrize("kind", [1, 3, 4, IFD])
def test_values_of_every_integer_type_count(tag: int, value: int, refused: str, kind: int) -> None:
    with pytest.raises(UnsupportedImage, match=refused):
        format_of(changed(tag, kind=kind, count=1, value=value))


@pytest.mark.parametrize("tag", [Tag.PLANAR, Tag.FILL_ORDER, Tag.SAMPLE_FORMAT, Tag.COMPRESSION])
def test_a_repeated_field_of_the_layout_is_refused(tag: int) -> None:
    data, at = bytearray(WHOLE), dict(entries())[Tag.SUBFILE_TYPE]
    struct.pack_into("<H", data, at, tag)

    with pytest.raises(UndecodableImage, match=f"field {tag:d} twice"):
        format_of(bytes(data))
