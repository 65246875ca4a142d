"""Colours in spaces other than sRGB are converted by the formulas of their colour space."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from common.images.cost.png import PROFILE_BYTES_MAX
from tests.unit.worker.decode.files import bmp, icc, png, tiff
from tests.unit.worker.decode.pictures import decode, encoded

pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 16
Samples = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]

#: The exponent 2.2 in the fixed-point format of ICC profiles.
GAMMA_22 = 563 / 256
GAMMA_18 = 461 / 256
SPACES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "Display P3": (
        icc.matrix_profile(primaries=icc.DISPLAY_P3),
        {"primaries": icc.DISPLAY_P3},
    ),
    "Display P3, sampled curves": (
        icc.matrix_profile(primaries=icc.DISPLAY_P3, curve=icc.sampled(icc.srgb_to_linear)),
        {"primaries": icc.DISPLAY_P3},
    ),
    "Adobe RGB": (
        icc.matrix_profile(primaries=icc.ADOBE_RGB, curve=icc.exponent(GAMMA_22)),
        {"primaries": icc.ADOBE_RGB, "curve": icc.gamma(GAMMA_22)},
    ),
    "ProPhoto": (
        icc.matrix_profile(primaries=icc.PROPHOTO, white_xy=icc.D50_XY, curve=icc.exponent(GAMMA_18)),
        {"primaries": icc.PROPHOTO, "white_xy": icc.D50_XY, "curve": icc.gamma(GAMMA_18)},
    ),
    "BT.2020": (
        icc.matrix_profile(primaries=icc.BT_2020, curve=icc.parametric(0, 2.4)),
        {"primaries": icc.BT_2020, "curve": icc.gamma(2.4)},
    ),
    "sRGB's primaries, linear": (icc.matrix_profile(curve=icc.exponent(1)), {"curve": icc.gamma(1)}),
}


def colours() -> Samples:
    """Return random colours, a row of dark greys, a row of all greys, and a row of each primary colour."""
    drawn = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    drawn[0] = np.linspace(0, 60, SIDE)[:, None]
    drawn[1] = np.linspace(0, 255, SIDE)[:, None]
    for channel in range(3):
        drawn[2 + channel] = 0
        drawn[2 + channel, :, channel] = np.linspace(0, 255, SIDE)
    return drawn


def greys() -> Samples:
    return np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE)


def file_of(samples: Samples, kind: str, profile: bytes) -> bytes:
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    return encoded(Image.fromarray(samples), kind, icc_profile=profile, **options)


def off_by(file: bytes, expected: Values | Samples) -> float:
    """Return the largest difference between a file's decoded pixels and the expected grey or RGB levels."""
    colours = expected[..., None] if expected.ndim == 2 else expected
    return float(np.abs(decode(file, size_px=SIDE).astype(float) - colours).max())


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("space", SPACES)
def test_colours_of_an_embedded_profile_are_converted_to_srgb(space: str, kind: str) -> None:
    profile, formula = SPACES[space]

    file = file_of(colours(), kind, profile)

    assert off_by(file, icc.seen(colours(), **formula)) < 1.01


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 95}), ("AVIF", {"quality": 95})])
def test_profiles_of_lossy_formats_are_converted_to_srgb(kind: str, options: dict[str, int]) -> None:
    colour = np.array([200, 80, 40], dtype=np.uint8)
    flat = np.broadcast_to(colour, (SIDE, SIDE, 3))
    profile, formula = SPACES["Display P3"]

    file = encoded(Image.fromarray(flat), kind, icc_profile=profile, **options)

    assert off_by(file, np.broadcast_to(icc.seen(colour, **formula), flat.shape)) < 8


def test_the_profile_of_a_bmp_is_converted_to_srgb() -> None:
    profile, formula = SPACES["Display P3"]
    red, green, blue = np.moveaxis(colours().astype(np.uint32), 2, 0)

    file = bmp.bmp(red << 16 | green << 8 | blue, bits=24, header=124, profile=profile)

    assert off_by(file, icc.seen(colours(), **formula)) < 1.01


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "profile",
    [
        icc.matrix_profile(),
        icc.matrix_profile(curve=icc.sampled(icc.srgb_to_linear)),
        icc.matrix_profile(curve=icc.sampled(icc.srgb_to_linear, points=256)),
    ],
)
def test_an_srgb_profile_changes_no_pixel(profile: bytes, kind: str) -> None:
    image = Image.fromarray(colours())

    without, within = encoded(image, kind), encoded(image, kind, icc_profile=profile)

    assert np.array_equal(decode(within, size_px=SIDE), decode(without, size_px=SIDE))


def test_a_lookup_table_profile_is_converted_to_srgb() -> None:
    # The profile permutes red, green and blue, which a matrix of primaries could not express.
    table = icc.lookup_table(lambda values: icc.srgb_to_lab(values[:, [1, 2, 0]]), channels=3, grid=33)
    profile = icc.profile(b"RGB ", [(b"A2B0", table)], pcs=b"Lab ")

    assert off_by(file_of(colours(), "PNG", profile), colours()[..., [1, 2, 0]].astype(float)) < 6


def test_a_profile_of_samples_that_are_not_rgb_is_converted() -> None:
    """An XYB JPEG has samples of opponent colours, and a profile that converts these samples."""
    drawn = np.random.default_rng(1).integers(40, 215, (SIDE, SIDE, 3)) / 255
    # The matrix is applied to the square roots of linear light, and maps (R, G, B) to ((R - G) / 2, (R + G) /
    # 2, B).
    to_opponent = np.array([[0.5, -0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    opponent = np.sqrt(icc.srgb_to_linear(drawn)) @ to_opponent.T + [0.5, 0, 0]

    def to_lab(values: Values) -> Values:
        light = np.clip((values - [0.5, 0, 0]) @ np.linalg.inv(to_opponent).T, 0, 1) ** 2
        return icc.srgb_to_lab(icc.linear_to_srgb(light))

    profile = icc.profile(b"RGB ", [(b"A2B0", icc.lookup_table(to_lab, channels=3, grid=33))], pcs=b"Lab ")
    samples = np.rint(opponent * 255).astype(np.uint8)

    file = encoded(Image.fromarray(samples), "JPEG", quality=100, keep_rgb=True, icc_profile=profile)

    assert np.abs(decode(file, size_px=SIDE) - 255 * drawn).mean() < 3


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("exponent", [GAMMA_18, GAMMA_22])
def test_a_grey_profile_is_converted_to_srgb(exponent: float, kind: str) -> None:
    file = file_of(greys(), kind, icc.grey_profile(icc.exponent(exponent)))

    assert off_by(file, 255 * icc.linear_to_srgb((greys() / 255) ** exponent)) < 1.6


def test_a_grey_profile_with_the_srgb_curve_changes_no_pixel() -> None:
    file = file_of(greys(), "PNG", icc.grey_profile(icc.sampled(icc.srgb_to_linear)))

    assert off_by(file, greys()) == 0


def test_greys_with_an_rgb_profile_are_converted() -> None:
    file = file_of(greys(), "PNG", icc.matrix_profile(curve=icc.exponent(GAMMA_18)))

    assert off_by(file, 255 * icc.linear_to_srgb((greys() / 255) ** GAMMA_18)) < 1.6


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_a_cmyk_profile_is_converted_to_srgb(kind: str) -> None:
    # The profile describes a printing press with slightly transparent inks.
    def to_srgb(inks: Values) -> Values:
        seen: Values = (1 - 0.9 * inks[:, :3]) * (1 - 0.9 * inks[:, 3:])
        return seen

    table = icc.lookup_table(lambda inks: icc.srgb_to_lab(to_srgb(inks)), channels=4, grid=17)
    profile = icc.profile(b"CMYK", [(b"A2B0", table)], kind=b"prtr", pcs=b"Lab ")
    inks = np.array([20, 160, 60, 40], dtype=np.uint8)
    flat = np.broadcast_to(inks, (SIDE, SIDE, 4)).tobytes()
    options: dict[str, int] = {"quality": 100} if kind == "JPEG" else {}

    file = encoded(Image.frombytes("CMYK", (SIDE, SIDE), flat), kind, icc_profile=profile, **options)

    expected = np.broadcast_to(255 * to_srgb(inks[None] / 255), (SIDE, SIDE, 3))
    assert off_by(file, expected) < 3


def test_transparency_is_blended_with_pure_white_under_any_profile() -> None:
    profile, formula = SPACES["Display P3"]
    alpha = np.tile(np.linspace(0, 255, SIDE).astype(np.uint8), (SIDE, 1))
    image = Image.fromarray(np.dstack([colours(), alpha]))

    file = encoded(image, "PNG", icc_profile=profile)

    share = alpha[..., None] / 255
    expected = icc.seen(colours(), **formula) * share + 255 * (1 - share)
    # The limit is large, because transparent colours are less precise and dark P3 colours lie close together.
    assert np.abs(decode(file, size_px=SIDE) - expected).mean() < 0.5
    assert off_by(file, expected) < 8


def test_a_transparent_grey_with_a_grey_profile_is_converted() -> None:
    image = Image.merge("LA", [Image.fromarray(greys()), Image.new("L", (SIDE, SIDE), 255)])

    file = encoded(image, "PNG", icc_profile=icc.grey_profile(icc.exponent(GAMMA_18)))

    assert off_by(file, 255 * icc.linear_to_srgb((greys() / 255) ** GAMMA_18)) < 1.6


def test_the_colours_of_a_palette_are_converted() -> None:
    profile, formula = SPACES["Adobe RGB"]
    table = np.random.default_rng(1).integers(0, 256, (256, 3)).astype(np.uint8)

    file = png.png(greys(), kind=png.PALETTE, chunks=[*png.palette(table), png.profile(profile)])

    assert off_by(file, icc.seen(table[greys()], **formula)) < 1.01


def test_16_bit_samples_are_converted() -> None:
    profile, formula = SPACES["ProPhoto"]
    drawn = colours().astype(int) * 257

    for file in (
        png.png(drawn, kind=png.RGB, depth=16, chunks=[png.profile(profile)]),
        tiff.tiff(drawn, photometric=tiff.RGB, bits=16, profile=profile),
    ):
        assert off_by(file, icc.seen(colours(), **formula)) < 1.01


MISMATCHED = {
    "a grey profile of colours": icc.grey_profile(icc.exponent(GAMMA_18)),
    "a CMYK profile of colours": icc.profile(
        b"CMYK",
        [(b"A2B0", icc.lookup_table(lambda inks: icc.srgb_to_lab(1 - inks[:, :3]), channels=4, grid=3))],
        kind=b"prtr",
        pcs=b"Lab ",
    ),
    "a profile that links devices": icc.profile(b"RGB ", [], kind=b"link", pcs=b"RGB "),
    "a profile of an unknown space": icc.profile(b"XXXX", []),
    "a profile without curves": icc.profile(b"RGB ", []),
    "nothing": b"\0",
    "text": b"this is no profile",
    "a profile that is too long": icc.matrix_profile(primaries=icc.DISPLAY_P3) + bytes(PROFILE_BYTES_MAX),
}


@pytest.mark.parametrize("profile", MISMATCHED.values(), ids=MISMATCHED)
def test_an_unusable_profile_is_ignored(profile: bytes) -> None:
    assert off_by(file_of(colours(), "TIFF", profile), colours()) == 0


def test_a_picture_with_a_damaged_profile_still_decodes() -> None:
    table = icc.lookup_table(icc.srgb_to_lab, channels=3, grid=3)
    whole = [
        icc.matrix_profile(primaries=icc.DISPLAY_P3, curve=icc.sampled(icc.srgb_to_linear, points=32)),
        icc.profile(b"RGB ", [(b"A2B0", table)], pcs=b"Lab "),
        icc.grey_profile(icc.exponent(GAMMA_18)),
    ]
    draw = np.random.default_rng(5)

    for profile in whole:
        for _ in range(100):
            data = bytearray(profile[: draw.integers(1, len(profile) + 1)])
            for place in draw.integers(0, len(data), 6):
                data[place] = draw.integers(256)

            for samples in (colours(), greys()):
                assert decode(file_of(samples, "TIFF", bytes(data)), size_px=SIDE).shape == (SIDE, SIDE, 3)


D65 = (0.3127, 0.3290)


def coded_png(*chunks: tuple[bytes, bytes]) -> bytes:
    return png.png(colours(), kind=png.RGB, chunks=chunks)


@pytest.mark.parametrize(
    ("chunks", "formula"),
    [
        pytest.param([png.gamma(1.0)], {"curve": icc.gamma(1)}, id="linear"),
        pytest.param([png.gamma(0.55556)], {"curve": icc.gamma(1 / 0.55556)}, id="1.8"),
        pytest.param(
            [png.gamma(0.45455), png.chromaticities(*D65, *icc.DISPLAY_P3)],
            {"curve": icc.gamma(1 / 0.45455), "primaries": icc.DISPLAY_P3},
            id="P3",
        ),
        pytest.param(
            [png.gamma(1.0), png.chromaticities(*icc.D50_XY, *icc.PROPHOTO)],
            {"curve": icc.gamma(1), "primaries": icc.PROPHOTO, "white_xy": icc.D50_XY},
            id="another white",
        ),
        pytest.param([png.codes(12, 13)], {"primaries": icc.DISPLAY_P3}, id="cICP P3"),
        pytest.param([png.codes(9, 13)], {"primaries": icc.BT_2020}, id="cICP BT.2020"),
        pytest.param([png.codes(1, 4)], {"curve": icc.gamma(2.2)}, id="cICP 2.2"),
        pytest.param([png.codes(1, 8)], {"curve": icc.gamma(1)}, id="cICP linear"),
        pytest.param(
            [png.codes(12, 13), png.profile(SPACES["ProPhoto"][0]), png.gamma(1.0)],
            {"primaries": icc.DISPLAY_P3},
            id="cICP before a profile",
        ),
        pytest.param(
            [png.profile(SPACES["Adobe RGB"][0]), png.gamma(1.0)],
            SPACES["Adobe RGB"][1],
            id="a profile before gAMA",
        ),
    ],
)
def test_the_colour_chunks_of_a_png_are_applied(
    chunks: list[tuple[bytes, bytes]], formula: dict[str, Any]
) -> None:
    assert off_by(coded_png(*chunks), icc.seen(colours(), **formula)) < 1.01


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([(b"sRGB", b"\0"), png.gamma(1.0)], id="sRGB before gAMA"),
        pytest.param([png.gamma(0.45455)], id="gAMA as sRGB has it"),
        pytest.param(
            [png.gamma(0.45455), png.chromaticities(*D65, *icc.SRGB)], id="gAMA and cHRM as sRGB has them"
        ),
        pytest.param([png.gamma(0.45), png.chromaticities(*D65, *icc.SRGB)], id="gAMA rounded"),
        pytest.param([png.chromaticities(*D65, *icc.DISPLAY_P3)], id="cHRM alone"),
        pytest.param([png.gamma(0)], id="no gamma"),
        pytest.param([png.gamma(1.0), png.chromaticities(*[0.0] * 8)], id="no primaries"),
        pytest.param([png.gamma(1.0), png.chromaticities(*[0.3] * 8)], id="one place for all primaries"),
        pytest.param([png.codes(1, 13)], id="cICP sRGB"),
        pytest.param([png.codes(1, 1)], id="cICP BT.709"),
        pytest.param([png.codes(2, 2)], id="cICP unspecified"),
        pytest.param([png.codes(200, 200)], id="cICP unknown"),
        pytest.param([(b"iCCP", b"name\0\0 no deflated data")], id="a profile that does not inflate"),
    ],
)
def test_an_srgb_png_keeps_every_pixel(chunks: list[tuple[bytes, bytes]]) -> None:
    assert off_by(coded_png(*chunks), colours()) == 0


def pq(levels: Values) -> Values:
    """Return the luminance in cd/m² of levels that are encoded as PQ (SMPTE ST 2084)."""
    power = levels ** (32 / 2523)
    light: Values = 10_000 * (np.maximum(power - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * power)) ** (
        8192 / 1305
    )
    return light


def hlg(levels: Values) -> Values:
    """Return the luminance in cd/m² of grey levels encoded as HLG (ARIB STD-B67), on a 1000 cd/m² display."""
    scene = np.where(
        levels <= 0.5, levels**2 / 3, (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
    )
    light: Values = 1000 * scene**1.2
    return light


@pytest.mark.parametrize(("transfer", "light"), [(16, pq), (18, hlg)])
def test_hdr_greys_keep_their_luminance_up_to_white(transfer: int, light: Callable[[Values], Values]) -> None:
    file = png.png(greys(), kind=png.GREY, chunks=[png.codes(9, transfer)])

    assert off_by(file, 255 * icc.linear_to_srgb(light(greys() / 255) / 406)) < 1.01


def test_colour_chunks_after_a_thousand_others_are_read() -> None:
    crowd = [(b"tEXt", b"k\0v")] * 1000

    expected = coded_png(png.codes(12, 13))
    assert off_by(coded_png(*crowd, png.codes(12, 13)), decode(expected, size_px=SIDE)) == 0


def test_a_profile_that_declares_a_million_tags_is_ignored() -> None:
    profile = bytearray(icc.matrix_profile(primaries=icc.DISPLAY_P3))
    profile[128:132] = struct.pack(">I", 1_000_000)

    assert off_by(file_of(colours(), "TIFF", bytes(profile)), colours()) == 0
