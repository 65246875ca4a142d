"""Write ICC profiles byte by byte, and compute their expected colours without a colour library.

A profile of primaries and a curve is converted as in ICC.1:2022, annex F. The curve gives linear light, a
matrix converts linear light to XYZ with the white point D50, and XYZ is converted to sRGB.
"""

import struct
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Curve = Callable[[Values], Values]
Chromaticities = tuple[float, float, float, float, float, float]

D50 = np.array([0.9642, 1.0, 0.8249])
D65_XY = (0.3127, 0.3290)
D50_XY = (0.3457, 0.3585)
SRGB: Chromaticities = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
DISPLAY_P3: Chromaticities = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE_RGB: Chromaticities = (0.640, 0.330, 0.210, 0.710, 0.150, 0.060)
PROPHOTO: Chromaticities = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
BT_2020: Chromaticities = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046)

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def srgb_to_linear(values: Values) -> Values:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: Values) -> Values:
    clipped = np.clip(values, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)


def gamma(exponent: float) -> Curve:
    return lambda values: values**exponent


def rgb_to_xyz(primaries: Chromaticities, white_xy: tuple[float, float]) -> Values:
    """Return the matrix that converts linear light to XYZ, adapted to D50 by Bradford's method."""
    xy = np.array(primaries).reshape(3, 2)
    columns = np.stack([xy[:, 0] / xy[:, 1], np.ones(3), (1 - xy.sum(axis=1)) / xy[:, 1]])
    x, y = white_xy
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    matrix = columns * np.linalg.solve(columns, white)
    scale = (_BRADFORD @ D50) / (_BRADFORD @ white)
    adapted: Values = np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ matrix
    return adapted


_SRGB_TO_XYZ = rgb_to_xyz(SRGB, D65_XY)


def seen(
    samples: npt.NDArray[np.uint8],
    *,
    primaries: Chromaticities = SRGB,
    white_xy: tuple[float, float] = D65_XY,
    curve: Curve = srgb_to_linear,
) -> Values:
    """Return the sRGB levels, 0 to 255, of samples in a space with these primaries and this curve."""
    linear = curve(samples / 255.0)
    to_srgb = np.linalg.inv(_SRGB_TO_XYZ) @ rgb_to_xyz(primaries, white_xy)
    return 255.0 * linear_to_srgb(linear @ to_srgb.T)


def matrix_profile(
    *,
    primaries: Chromaticities = SRGB,
    white_xy: tuple[float, float] = D65_XY,
    curve: bytes | None = None,
) -> bytes:
    """Return an RGB profile of three primaries and one curve, by default sRGB's."""
    matrix = rgb_to_xyz(primaries, white_xy)
    curve = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045) if curve is None else curve
    tags = [(b"wtpt", _xyz(D50))]
    tags += [(name, _xyz(matrix[:, index])) for index, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return profile(b"RGB ", tags)


def grey_profile(curve: bytes) -> bytes:
    return profile(b"GRAY", [(b"wtpt", _xyz(D50)), (b"kTRC", curve)])


def profile(
    space: bytes, tags: Sequence[tuple[bytes, bytes]], *, kind: bytes = b"mntr", pcs: bytes = b"XYZ "
) -> bytes:
    """Return an ICC profile of version 4.3 with these tags."""
    tags = [
        (b"desc", _text("test")),
        (b"cprt", _text("none")),
        *tags,
    ]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags:
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    length = start + len(body)
    header = struct.pack(">I4sI4s4s4s", length, bytes(4), 0x04300000, kind, space, pcs)
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _s15(*D50)
    return header.ljust(128, b"\0") + table + body


def exponent(value: float) -> bytes:
    """Return a curve with one exponent."""
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256)) + bytes(2)


def sampled(curve: Curve, *, points: int = 1024) -> bytes:
    """Return a curve as a table of points."""
    values = np.rint(curve(np.linspace(0, 1, points)) * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", points) + values.tobytes()


def parametric(kind: int, *parameters: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _s15(*parameters)


def lookup_table(to_lab: Callable[[Values], Values], *, channels: int, grid: int = 9) -> bytes:
    """Return the content of a tag A2B0 (`mft2`), a table that converts samples from 0 to 1 to Lab."""
    axes = np.meshgrid(*[np.linspace(0, 1, grid)] * channels, indexing="ij")
    lab = to_lab(np.stack([axis.ravel() for axis in axes], axis=1))
    # The tag always uses version 2's encoding of Lab: 0xFF00 means L = 100, and 0x8000 means a or b = 0.
    coded = np.stack([lab[:, 0] * 652.8, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256], axis=1)
    identity = struct.pack(">9i", *(65536 * value for value in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    straight = struct.pack(">HH", 0, 65535)
    return (
        b"mft2"
        + bytes(4)
        + bytes([channels, 3, grid, 0])
        + identity
        + struct.pack(">HH", 2, 2)
        + straight * channels
        + np.rint(np.clip(coded, 0, 65535)).astype(">u2").tobytes()
        + straight * 3
    )


def xyz_to_lab(xyz: Values) -> Values:
    relative = xyz / D50
    root = np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116)
    x, y, z = root[:, 0], root[:, 1], root[:, 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def srgb_to_lab(samples: Values) -> Values:
    """Return the Lab values, shape (n, 3), of sRGB samples from 0 to 1."""
    return xyz_to_lab(srgb_to_linear(samples) @ _SRGB_TO_XYZ.T)


def _xyz(values: Values) -> bytes:
    return b"XYZ " + bytes(4) + _s15(*values)


def _s15(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))


def _text(text: str) -> bytes:
    coded = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(coded), 28) + coded
