"""Converts the cropped image from a file's colour space to sRGB.

A file defines its colour space by an ICC profile, or by primaries and a transfer function (`CodedColour`). A
file without a readable definition is treated as sRGB. If a colour space differs from sRGB by at most
`_SAME_LEVELS`, pixels are not converted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

from common.images.cost.png import PROFILE_BYTES_MAX
from worker.decode.colour.icc_profiles import bounded
from worker.decode.colour.primaries_and_transfer import CodedColour, coded_to_srgb

#: A profile counts as sRGB if its colours differ from sRGB by at most this number of levels (of 255).
#: Different sRGB profiles differ by at most 1 level; the most similar other colour space, Rec. 709, differs
#: from sRGB by 16 levels.
_SAME_LEVELS = 2
#: The maximum number of cached conversions. Creating a conversion takes 3 to 60 ms, but using it takes less
#: than 1 ms; a cached conversion is often reused, because pictures from the same camera have the same
#: profile.
_CONVERSIONS_KEPT = 4
#: Maps a profile's colour space to the Pillow mode that LittleCMS expects.
_MODES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}
#: Maps Pillow modes to colour families; the family of all other modes is RGB.
_FAMILIES = {"L": "L", "LA": "L", "CMYK": "CMYK", "LAB": "LAB"}
#: This rendering intent maps white to white, and `_FLAGS` maps a printer's darkest colour to black.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


@dataclass(frozen=True, slots=True)
class ColourSource:
    """A file's definitions of its colour space; a usable ICC profile takes precedence over colour codes."""

    profile: bytes | None = None
    coded: CodedColour | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """A Pillow mode, and the function that converts images of this mode to sRGB."""

    mode: str
    to_srgb: Callable[[Image.Image], Image.Image]


def conversion_from(source: ColourSource, mode: str) -> Conversion:
    """Return the conversion to sRGB for an image of a Pillow mode, with or without alpha channel."""
    family = _FAMILIES.get(mode, "RGB")
    if family == "LAB":
        return Conversion("LAB", _from_lab().apply)
    if source.profile is not None:
        converted = _by_profile(source.profile, family)
        if converted is not None:
            return converted
    if source.coded is not None and family != "CMYK":
        coded = source.coded
        return Conversion(family, lambda square: coded_to_srgb(_as_rgb(square), coded))
    return Conversion("L" if family == "L" else "RGB", _as_rgb)


def _by_profile(profile: bytes, family: str) -> Conversion | None:
    """Return the conversion that a profile defines; None if it is sRGB, unusable or of another family."""
    transform = _transform(profile)
    if transform is None:
        return None
    if transform.input_mode == family:
        return Conversion(family, transform.apply)
    if transform.input_mode == "RGB" and family == "L":
        return Conversion("L", lambda square: transform.apply(_as_rgb(square)))
    return None


def _as_rgb(square: Image.Image) -> Image.Image:
    return square if square.mode == "RGB" else square.convert("RGB")


@lru_cache(_CONVERSIONS_KEPT)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    if len(profile) > PROFILE_BYTES_MAX:
        return None
    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(bounded(profile)))
        mode = _MODES.get(opened.profile.xcolor_space)
        if mode is None:
            return None
        transform = ImageCms.ImageCmsTransform(
            opened, _created_profile("sRGB"), mode, "RGB", _INTENT, flags=_FLAGS
        )
        return None if _is_srgb(transform) else transform
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None  # a damaged profile is ignored


def _is_srgb(transform: ImageCms.ImageCmsTransform) -> bool:
    if transform.input_mode not in {"L", "RGB"}:
        return False
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(64, 64, 3)
    tried = Image.fromarray(cube if transform.input_mode == "RGB" else cube[..., 0])
    before = np.asarray(tried.convert("RGB")).astype(np.int16)
    after = np.asarray(transform.apply(tried)).astype(np.int16)
    return int(np.abs(after - before).max()) <= _SAME_LEVELS


@lru_cache(1)
def _from_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.ImageCmsTransform(
        _created_profile("LAB"), _created_profile("sRGB"), "LAB", "RGB", _INTENT
    )


def _created_profile(space: Literal["LAB", "sRGB"]) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space))
