"""Converts colours to sRGB from a colour space given by primaries and a transfer function (PNG, HEIF, AVIF).

ITU-T H.273 defines the codes. The transfer functions of television cameras (BT.709 and similar) are treated
as sRGB's transfer function, as in browsers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image

Values = npt.NDArray[np.float64]
#: The chromaticity coordinates x and y of white, red, green and blue.
Chromaticities = tuple[float, float, float, float, float, float, float, float]

_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
_SRGB: Chromaticities = (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
_SMPTE_170M: Chromaticities = (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)
_PRIMARIES: Mapping[int, Chromaticities] = MappingProxyType(
    {
        1: _SRGB,
        4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
        5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
        6: _SMPTE_170M,
        7: _SMPTE_170M,
        9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
        11: (*_DCI, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
        12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    }
)
_GAMMA_22, _GAMMA_28, _LINEAR, _PQ, _SMPTE_428, _HLG = 4, 5, 8, 16, 17, 18
_EXPONENTS: Mapping[int, float] = MappingProxyType({_GAMMA_22: 2.2, _GAMMA_28: 2.8, _LINEAR: 1.0})
#: The luminance in cd/m² that becomes white when an HDR picture is converted; brighter values are clipped to
#: white. Chromium 156 uses the same luminance, which is twice the reference white of BT.2408.
_WHITE_NITS = 406.0
_PQ_NITS, _HLG_NITS, _HLG_SYSTEM_GAMMA = 10_000.0, 1000.0, 1.2
#: The maximum differences from sRGB at which a PNG counts as sRGB: a relative difference of the gamma, and an
#: absolute difference of the chromaticities.
_GAMMA_TOLERANCE, _PLACE_TOLERANCE = 0.02, 0.005
_PNG_SRGB_GAMMA = 0.45455
#: The end of the linear part of sRGB's transfer function: its encoded value and its linear light.
_DARK_LEVEL, _DARK_LIGHT = 0.04045, 0.0031308
_CONDITION_MAX = 1e3
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True, slots=True)
class CodedColour:
    """A colour space: the linear light (1 is white) of each sample value, and a matrix to linear sRGB."""

    light: Values
    matrix: Values
    #: The system gamma of the transfer function HLG; 1 for all other transfer functions.
    system_gamma: float = 1.0


def from_cicp(primaries: int, transfer: int) -> CodedColour | None:
    """Return the colour space that two H.273 codes define, or None for sRGB and for unknown codes."""
    places, light = _PRIMARIES.get(primaries, _SRGB), _light(transfer)
    matrix = _to_srgb(places)
    if matrix is None or (light is None and places == _SRGB):
        return None
    return CodedColour(
        light=_srgb_light(_LEVELS) if light is None else light,
        matrix=matrix,
        system_gamma=_HLG_SYSTEM_GAMMA if transfer == _HLG else 1.0,
    )


def from_png(gamma: float | None, chromaticities: Chromaticities | None) -> CodedColour | None:
    """Return the colour space that a PNG's `gAMA` and `cHRM` define, or None for sRGB and for invalid values.

    Primaries (`cHRM`) without a gamma (`gAMA`) are ignored, as in browsers.
    """
    if not gamma:
        return None
    places = _SRGB if chromaticities is None else chromaticities
    is_srgb = np.allclose(places, _SRGB, atol=_PLACE_TOLERANCE)
    if is_srgb and abs(gamma / _PNG_SRGB_GAMMA - 1) < _GAMMA_TOLERANCE:
        return None
    matrix = _to_srgb(places)
    return None if matrix is None else CodedColour(light=_LEVELS ** (1 / gamma), matrix=matrix)


def coded_to_srgb(square: Image.Image, colour: CodedColour) -> Image.Image:
    """Convert an RGB image from the given colour space to sRGB."""
    light = colour.light[np.asarray(square)]
    if colour.system_gamma != 1:
        luminance = (light * _HLG_WHITE) @ _LUMINANCE_2020
        light *= (np.maximum(luminance, 1e-6) ** (colour.system_gamma - 1))[..., None]
    linear = np.clip(light @ colour.matrix.T, 0.0, 1.0)
    seen = np.where(linear <= _DARK_LIGHT, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return Image.fromarray(np.rint(255 * seen).astype(np.uint8))


_LEVELS: Values = np.arange(256) / 255.0
_LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593])
_HLG_WHITE = _WHITE_NITS / _HLG_NITS


def _light(transfer: int) -> Values | None:
    """Return the linear light of each sample value, or None for sRGB's transfer function."""
    if transfer in _EXPONENTS:
        return _LEVELS ** _EXPONENTS[transfer]
    if transfer == _SMPTE_428:
        return _LEVELS**2.6 * (52.37 / 48)
    if transfer == _PQ:
        power = _LEVELS ** (1 / 78.84375)
        ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
        return _PQ_NITS / _WHITE_NITS * ratio ** (1 / 0.1593017578125)
    if transfer == _HLG:
        bright = (np.exp((_LEVELS - 0.55991073) / 0.17883277) + 0.28466892) / 12
        scene = np.where(_LEVELS <= 0.5, _LEVELS**2 / 3, bright)  # noqa: PLR2004
        return scene / _HLG_WHITE
    return None


def _srgb_light(levels: Values) -> Values:
    return np.where(levels <= _DARK_LEVEL, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def _to_srgb(chromaticities: Chromaticities) -> Values | None:
    """Return the matrix from linear light to linear sRGB, or None if the primaries are collinear."""
    ours, theirs = _to_xyz(_SRGB), _to_xyz(chromaticities)
    if ours is None or theirs is None:
        return None
    matrix: Values = np.linalg.inv(ours) @ theirs
    return matrix


def _to_xyz(chromaticities: Chromaticities) -> Values | None:
    """Return the matrix from linear light to XYZ, adapted to the D65 white point by Bradford's method."""
    x, y = np.array(chromaticities).reshape(4, 2).T
    places = np.stack([x, y, 1 - x - y])
    columns = places[:, 1:]
    if y[0] <= 0 or not np.linalg.cond(columns) < _CONDITION_MAX:
        return None
    white = places[:, 0] / y[0]
    d65 = np.array([_D65[0], _D65[1], 1 - sum(_D65)]) / _D65[1]
    cones = (_BRADFORD @ d65) / (_BRADFORD @ white)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD
    matrix: Values = adapted @ (columns * np.linalg.solve(columns, white))
    return matrix
