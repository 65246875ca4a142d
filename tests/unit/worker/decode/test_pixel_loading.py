"""Each mode of each format decodes to its known samples; the test files are written byte by byte.

The pictures have the size of the decoded square, so that nothing is resized. A level may differ by one
because of rounding to 8 bits, by one more because of blending with white, and by one more because of
premultiplied colours.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ExifTags, Image

from common.errors import UnsupportedImage
from tests.unit.worker.decode.files import bmp, gif, icc, png, tiff, webp
from tests.unit.worker.decode.pictures import decode, encoded, noise, quadrants

pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 16
ROUNDED, MIXED, PREMULTIPLIED = 1.01, 2.01, 3.6

Samples = npt.NDArray[Any]
Values = npt.NDArray[np.floating[Any]]


def samples(bits: int, *channels: int) -> Samples:
    """Return random samples; the first four rows repeat the first sample."""
    drawn = np.random.default_rng(bits).integers(0, 1 << bits, (SIDE, SIDE, *channels))
    drawn[:4] = drawn[0, 0]
    return drawn


def levels(drawn: Samples, bits: int) -> Values:
    return drawn * 255.0 / ((1 << bits) - 1)


def on_white(colours: Values, alpha: Values) -> Values:
    """Blend colours (h, w, c) with white by the alpha (h, w); all values are 0 to 255."""
    share = alpha[..., None] / 255
    return colours * share + 255 * (1 - share)


def shows(file: bytes, expected: Samples, *, within: float = ROUNDED) -> bool:
    """Return whether a file decodes to the expected grey or RGB levels."""
    if expected.ndim == 2:
        expected = expected[..., None]
    return bool(
        np.abs(decode(file, size_px=SIDE) - np.broadcast_to(expected, (SIDE, SIDE, 3))).max() < within
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_grey_png_decodes(depth: int) -> None:
    drawn = samples(depth)

    assert shows(png.png(drawn, kind=png.GREY, depth=depth), levels(drawn, depth))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_grey_png_with_a_transparent_colour_decodes(depth: int) -> None:
    drawn = samples(depth)
    drawn[4:8] = drawn[0, 0] ^ 1  # these rows differ from the transparent colour only in the lowest bit
    key = int(drawn[0, 0])

    file = png.png(drawn, kind=png.GREY, depth=depth, chunks=[png.transparent(key)])

    assert shows(file, np.where(drawn == key, 255, levels(drawn, depth)))


@pytest.mark.parametrize("depth", [8, 16])
def test_an_rgb_png_with_and_without_a_transparent_colour_decodes(depth: int) -> None:
    drawn = samples(depth, 3)
    drawn[4:8] = drawn[0, 0] ^ [0, 0, 1]
    key = drawn[0, 0]

    plain = png.png(drawn, kind=png.RGB, depth=depth)
    keyed = png.png(drawn, kind=png.RGB, depth=depth, chunks=[png.transparent(*map(int, key))])

    assert shows(plain, levels(drawn, depth))
    is_key = (drawn == key).all(axis=2, keepdims=True)
    assert shows(keyed, np.where(is_key, 255, levels(drawn, depth)))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("kind", "colours"), [(png.GREY_ALPHA, 1), (png.RGBA, 3)])
def test_a_png_with_an_alpha_channel_decodes(depth: int, kind: int, colours: int) -> None:
    drawn = samples(depth, colours + 1)
    seen = levels(drawn, depth)

    file = png.png(drawn, kind=kind, depth=depth)

    assert shows(file, on_white(seen[..., :colours], seen[..., colours]), within=PREMULTIPLIED)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_png_with_and_without_alpha_decodes(depth: int) -> None:
    drawn, dice = samples(depth), np.random.default_rng(depth)
    colours, alphas = dice.integers(0, 256, (1 << depth, 3)), dice.integers(0, 256, 1 << depth)

    plain = png.png(drawn, kind=png.PALETTE, depth=depth, chunks=png.palette(colours))
    mixed = png.png(drawn, kind=png.PALETTE, depth=depth, chunks=png.palette(colours, alphas))

    assert shows(plain, colours[drawn])
    expected = on_white(colours[drawn].astype(float), alphas[drawn].astype(float))
    assert shows(mixed, expected, within=MIXED)


ORDERS = pytest.mark.parametrize("order", ["<", ">"])
DEFLATED = pytest.mark.parametrize("deflated", [False, True])
Order = Literal["<", ">"]


@ORDERS
@DEFLATED
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16])
@pytest.mark.parametrize("photometric", [tiff.WHITE_IS_ZERO, tiff.BLACK_IS_ZERO])
def test_a_grey_tiff_decodes(order: Order, deflated: bool, bits: int, photometric: int) -> None:
    drawn = samples(bits)
    seen = levels(drawn, bits)

    file = tiff.tiff(drawn, photometric=photometric, bits=bits, order=order, deflated=deflated)

    assert shows(file, 255 - seen if photometric == tiff.WHITE_IS_ZERO else seen)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", [tiff.WHITE_IS_ZERO, tiff.BLACK_IS_ZERO])
def test_a_tiff_with_reversed_bit_order_decodes(bits: int, photometric: int) -> None:
    drawn = samples(bits)
    seen = levels(drawn, bits)

    file = tiff.tiff(drawn, photometric=photometric, bits=bits, reversed_bits=True)

    assert shows(file, 255 - seen if photometric == tiff.WHITE_IS_ZERO else seen)


@ORDERS
@DEFLATED
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_tiff_decodes(order: Order, deflated: bool, bits: int) -> None:
    drawn = samples(bits)
    colours = np.random.default_rng(bits).integers(0, 65536, (1 << bits, 3))

    file = tiff.tiff(
        drawn, photometric=tiff.PALETTE, bits=bits, order=order, deflated=deflated, colours=colours
    )

    assert shows(file, colours[drawn] / 257)


@ORDERS
@DEFLATED
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("extra", [None, tiff.UNSPECIFIED, tiff.PREMULTIPLIED, tiff.STRAIGHT])
def test_an_rgb_tiff_decodes(
    order: Order, deflated: bool, planes: bool, bits: int, extra: int | None
) -> None:
    drawn = samples(bits, 3 if extra is None else 4)
    if extra == tiff.PREMULTIPLIED:
        drawn[..., :3] = drawn[..., :3] * levels(drawn[..., 3:], bits) / 255
    seen = levels(drawn, bits)
    expected = seen[..., :3]
    if extra == tiff.STRAIGHT:
        expected = on_white(expected, seen[..., 3])
    elif extra == tiff.PREMULTIPLIED:
        expected = expected + 255 - seen[..., 3:]

    file = tiff.tiff(
        drawn,
        photometric=tiff.RGB,
        bits=bits,
        order=order,
        deflated=deflated,
        planes=planes,
        extra=() if extra is None else (extra,),
    )

    assert shows(file, expected, within=ROUNDED if extra in {None, tiff.UNSPECIFIED} else PREMULTIPLIED)


@DEFLATED
@pytest.mark.parametrize("extra", [tiff.UNSPECIFIED, tiff.PREMULTIPLIED, tiff.STRAIGHT])
def test_a_grey_tiff_with_an_extra_sample_decodes(deflated: bool, extra: int) -> None:
    drawn = samples(8, 2)
    if extra == tiff.PREMULTIPLIED:
        drawn[..., 0] = drawn[..., 0] * drawn[..., 1] / 255
    grey, alpha = drawn[..., :1].astype(float), drawn[..., 1].astype(float)
    expected = {
        tiff.UNSPECIFIED: grey,
        tiff.PREMULTIPLIED: grey + 255 - alpha[..., None],
        tiff.STRAIGHT: on_white(grey, alpha),
    }[extra]

    file = tiff.tiff(drawn, photometric=tiff.BLACK_IS_ZERO, extra=(extra,), deflated=deflated)

    assert shows(file, expected, within=PREMULTIPLIED)


@ORDERS
@DEFLATED
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_cmyk_tiff_decodes(order: Order, deflated: bool, planes: bool, bits: int) -> None:
    drawn = samples(bits, 4)
    light = 1 - levels(drawn, bits) / 255

    file = tiff.tiff(drawn, photometric=tiff.CMYK, bits=bits, order=order, deflated=deflated, planes=planes)

    assert shows(file, 255 * light[..., :3] * light[..., 3:], within=MIXED)


@DEFLATED
def test_a_ycbcr_tiff_decodes(deflated: bool) -> None:
    # The picture is grey, because other colours depend on chroma subsampling.
    luma = samples(8)
    drawn = np.stack([luma, np.full_like(luma, 128), np.full_like(luma, 128)], axis=-1)
    # The field YCbCrSubSampling (530) declares no subsampling.
    file = tiff.tiff(drawn, photometric=tiff.YCBCR, deflated=deflated, fields=[(530, [1, 1])])

    assert shows(file, luma)


@DEFLATED
def test_a_lab_tiff_decodes(deflated: bool) -> None:
    colours = np.random.default_rng(1).integers(60, 200, (SIDE, SIDE, 3))
    light, a, b = icc.srgb_to_lab(colours.reshape(-1, 3) / 255).T
    coded = np.stack([light * 2.55, a % 256, b % 256], axis=1).round() % 256

    file = tiff.tiff(coded.reshape(colours.shape).astype(int), photometric=tiff.LAB, deflated=deflated)

    # The limit is large, because Lab's a and b are integers, and one step of a or b changes RGB by a few
    # levels.
    assert shows(file, colours, within=10)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd"])
def test_every_lossless_tiff_compression_decodes(compression: str) -> None:
    drawn = samples(8, 3)

    assert shows(encoded(Image.fromarray(drawn.astype(np.uint8)), "TIFF", compression=compression), drawn)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_a_fax_compressed_tiff_decodes(compression: str) -> None:
    drawn = samples(1).astype(bool)

    assert shows(encoded(Image.fromarray(drawn), "TIFF", compression=compression), drawn * 255)


def test_a_jpeg_compressed_tiff_decodes() -> None:
    colour = (200, 40, 90)
    file = encoded(Image.new("RGB", (SIDE, SIDE), colour), "TIFF", compression="jpeg", quality=95)

    assert shows(file, np.broadcast_to(colour, (SIDE, SIDE, 3)), within=3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bits": 32, "sample_format": tiff.FLOAT}, "floating-point samples of 32 bits"),
        ({"bits": 16, "sample_format": tiff.FLOAT}, "floating-point samples of 16 bits"),
        ({"bits": 32}, "samples of 32 bits"),
        ({"bits": 16, "sample_format": tiff.SIGNED}, "signed samples of 16 bits"),
        ({"bits": 8, "sample_format": tiff.SIGNED}, "signed samples of 8 bits"),
        ({"bits": 16, "reversed_bits": True}, "bits in reverse order"),
        ({"photometric": 32803, "bits": 16}, "camera's RAW"),
        ({"photometric": 9}, "colour space"),
        ({"fields": [(50706, [1, 4, 0, 0])]}, "camera's RAW"),
        ({"fields": [(254, [1]), (330, [8])]}, "camera's RAW"),
    ],
)
def test_an_unsupported_tiff_is_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    settings: dict[str, Any] = {"photometric": tiff.BLACK_IS_ZERO} | changes

    with pytest.raises(UnsupportedImage, match=reason):
        decode(tiff.tiff(samples(8), **settings), size_px=SIDE)


@pytest.mark.parametrize("own_palette", [False, True])
@pytest.mark.parametrize("transparent", [None, 3])
def test_a_gif_that_fills_its_canvas_decodes(own_palette: bool, transparent: int | None) -> None:
    indexes, colours = samples(3), np.random.default_rng(1).integers(0, 256, (256, 3))

    file = gif.gif(indexes, colours, own_palette=own_palette, transparent=transparent)

    is_drawn = (indexes != transparent)[..., None] if transparent is not None else np.True_
    assert shows(file, np.where(is_drawn, colours[indexes], 255))


@pytest.mark.parametrize("own_palette", [False, True])
@pytest.mark.parametrize("transparent", [None, 3])
@pytest.mark.parametrize("grey", [False, True])
def test_a_gif_is_white_outside_its_first_frame(
    own_palette: bool, transparent: int | None, grey: bool
) -> None:
    indexes = samples(3)[:8, :10]
    colours = np.random.default_rng(1).integers(0, 256, (256, 3))
    if grey:
        colours = np.repeat(np.arange(256)[:, None], 3, axis=1)
    expected = np.full((SIDE, SIDE, 3), 255)
    is_drawn = (indexes != transparent)[..., None] if transparent is not None else np.True_
    expected[2:10, 3:13] = np.where(is_drawn, colours[indexes], 255)

    file = gif.gif(
        indexes, colours, canvas=(SIDE, SIDE), at=(3, 2), own_palette=own_palette, transparent=transparent
    )

    assert shows(file, expected)


def test_a_webp_is_white_outside_its_first_frame() -> None:
    drawn = np.random.default_rng(1).integers(0, 256, (8, 10, 3)).astype(np.uint8)
    still = encoded(Image.fromarray(drawn), "WEBP", lossless=True)
    expected = np.full((SIDE, SIDE, 3), 255)
    expected[2:10, 4:14] = drawn

    file = webp.on_canvas(still, size=(10, 8), canvas=(SIDE, SIDE), at=(4, 2))

    assert shows(file, expected)


@pytest.mark.parametrize("colours", [3, 4])
def test_a_webp_with_and_without_alpha_decodes(colours: int) -> None:
    drawn = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, colours)).astype(np.uint8)

    file = encoded(Image.fromarray(drawn), "WEBP", lossless=True, exact=True)

    seen = drawn.astype(float)
    assert shows(file, seen if colours == 3 else on_white(seen[..., :3], seen[..., 3]), within=MIXED)


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("header", [40, 56, 108, 124])
def test_a_32_bit_bmp_has_alpha_only_if_its_header_says_so(top_down: bool, header: int) -> None:
    drawn = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 4))
    word = drawn[..., 0] << 16 | drawn[..., 1] << 8 | drawn[..., 2] | drawn[..., 3] << 24
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    seen = drawn.astype(float)

    plain = bmp.bmp(word, bits=32, top_down=top_down)
    masked = bmp.bmp(word, bits=32, header=header, masks=masks, top_down=top_down)

    assert shows(plain, seen[..., :3])
    # A header of 40 bytes has no alpha mask.
    expected = seen[..., :3] if header == 40 else on_white(seen[..., :3], seen[..., 3])
    assert shows(masked, expected, within=MIXED)


@pytest.mark.parametrize("top_down", [False, True])
def test_a_16_bit_bmp_decodes(top_down: bool) -> None:
    word = np.random.default_rng(1).integers(0, 65536, (SIDE, SIDE))
    fives = np.stack([word >> 10 & 31, word >> 5 & 31, word & 31], axis=-1) * 255 / 31
    sixes = np.stack(
        [(word >> 11 & 31) * 255 / 31, (word >> 5 & 63) * 255 / 63, (word & 31) * 255 / 31], axis=-1
    )

    plain = bmp.bmp(word, bits=16, top_down=top_down)
    masked = bmp.bmp(word, bits=16, masks=(0xF800, 0x7E0, 0x1F, 0), top_down=top_down)
    with_alpha = bmp.bmp(word, bits=16, header=124, masks=(0x7C00, 0x3E0, 0x1F, 0x8000), top_down=top_down)

    assert shows(plain, fives)
    assert shows(masked, sixes)
    assert shows(with_alpha, on_white(fives, 255.0 * (word >> 15)))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"bits": 16, "header": 124, "masks": (0xF00, 0xF0, 0xF, 0xF000)}, "unusual layout"),
        ({"bits": 24, "compression": 4}, "compressed in another way"),
        ({"bits": 24, "header": 200}, "header of 200 bytes"),
    ],
)
def test_an_unsupported_bmp_is_refused_by_name(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedImage, match=reason):
        decode(bmp.bmp(samples(8), **settings), size_px=SIDE)


def flat_jpeg(mode: str, colour: tuple[int, ...], **options: Any) -> bytes:
    return encoded(Image.new(mode, (SIDE, SIDE), colour), "JPEG", quality=100, **options)


def with_adobe_transform(file: bytes, transform: int | None) -> bytes:
    """Return the JPEG with another colour transform in its Adobe marker; None removes the marker."""
    at = file.index(b"Adobe")
    if transform is None:
        return file[: at - 4] + file[at + 12 :]
    return file[: at + 11] + bytes([transform]) + file[at + 12 :]


@pytest.mark.parametrize("transform", [0, None])
def test_a_cmyk_jpeg_is_inverted_with_and_without_the_adobe_marker(transform: int | None) -> None:
    file = flat_jpeg("CMYK", (0, 100, 200, 50))

    light = 1 - np.array([0, 100, 200, 50]) / 255
    expected = np.broadcast_to(255 * light[:3] * light[3], (SIDE, SIDE, 3))
    assert shows(with_adobe_transform(file, transform), expected, within=3)


def test_a_ycck_jpeg_decodes() -> None:
    # Adobe's programs encode the inks C, M and Y as if they were R, G and B, and invert K.
    cyan, magenta, yellow, key = 55, 215, 165, 60
    luma = 0.299 * cyan + 0.587 * magenta + 0.114 * yellow
    coded = (luma, 128 + 0.564 * (yellow - luma), 128 + 0.713 * (cyan - luma), 255 - key)
    # Pillow inverts the samples of CMYK JPEGs when it writes them.
    file = flat_jpeg("CMYK", tuple(255 - round(value) for value in coded))

    light = 1 - np.array([cyan, magenta, yellow, key]) / 255
    expected = np.broadcast_to(255 * light[:3] * light[3], (SIDE, SIDE, 3))
    assert shows(with_adobe_transform(file, 2), expected, within=4)


def test_an_rgb_jpeg_without_a_transform_decodes() -> None:
    colour = (200, 40, 90)

    assert shows(flat_jpeg("RGB", colour, keep_rgb=True), np.broadcast_to(colour, (SIDE, SIDE, 3)), within=2)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_an_avif_decodes(mode: str) -> None:
    drawn = np.asarray(noise(SIDE, SIDE, grain_px=8))
    alpha = np.tile(np.linspace(0, 255, SIDE).astype(np.uint8), (SIDE, 1))
    image = Image.fromarray(drawn).convert(mode)
    expected = np.asarray(image.convert("RGB")).astype(float)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(alpha))
        expected = on_white(expected, alpha.astype(float))

    file = encoded(image, "AVIF", quality=100, subsampling="4:4:4" if mode != "L" else "4:0:0")

    assert np.abs(decode(file, size_px=SIDE) - expected).mean() < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied_once_in_every_format(orientation: int, kind: str) -> None:
    red, lime, blue, white = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
    # Maps each orientation (TIFF 6.0, tag 274) to the colours of the corners: top left, top right, bottom
    # left, bottom right.
    seen = {
        1: (red, lime, blue, white),
        2: (lime, red, white, blue),
        3: (white, blue, lime, red),
        4: (blue, white, red, lime),
        5: (red, blue, lime, white),
        6: (blue, red, white, lime),
        7: (white, lime, blue, red),
        8: (lime, white, red, blue),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 95}

    pixels = decode(encoded(quadrants(), kind, exif=exif, **options), size_px=64).astype(int)

    corners = [pixels[row, column] for row, column in ((10, 10), (10, 50), (50, 10), (50, 50))]
    assert all(np.abs(corner - colour).max() <= 3 for corner, colour in zip(corners, seen, strict=True))


@pytest.mark.parametrize("mode", ["I;16", "1", "P", "LA", "CMYK"])
def test_orientation_is_applied_to_every_sample_type(mode: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    ramp = Image.linear_gradient("L").resize((SIDE, SIDE))
    image = (
        Image.fromarray(np.asarray(ramp).astype(np.uint16) * 257) if mode == "I;16" else ramp.convert(mode)
    )

    turned = decode(encoded(image, "TIFF", exif=exif), size_px=SIDE).astype(int)
    upright = decode(encoded(image, "TIFF"), size_px=SIDE).astype(int)

    assert np.array_equal(turned, np.rot90(upright, k=-1))
