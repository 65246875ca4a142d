"""Reads a model's preprocessing parameters: input size, mean and standard deviation.

The decoder resizes and crops images, and the encoder normalises the pixels. Decoder and encoder implement
only CLIP's preprocessing (bicubic resize of the shortest edge, centre crop, RGB), so a model with another
preprocessing is refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import ModelUnavailable

#: The values of OpenAI's CLIP, which are `CLIPImageProcessor`'s defaults for values that the model's folder
#: does not define.
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
_SIZE_PX = 224
_BICUBIC = 3
_DEFAULTS = {
    "do_resize": True,
    "do_center_crop": True,
    "do_rescale": True,
    "do_normalize": True,
    "do_convert_rgb": True,
    "resample": _BICUBIC,
    "rescale_factor": 1 / 255,
}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The side of the square input in pixels, and each channel's mean and standard deviation (0 to 1)."""

    size_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


def read_preprocessing(folder: Path) -> Preprocessing:
    """Read `preprocessor_config.json`, or the `processor_config.json` that transformers 5 writes.

    Raises:
        ModelUnavailable: the model's preprocessing differs from CLIP's.
    """
    config = _image_processor(folder)
    for key, expected in _DEFAULTS.items():
        given = config.get(key, expected)
        same = abs(given - expected) < 1e-6 if isinstance(expected, float) else given == expected  # noqa: PLR2004
        if not same:
            raise ModelUnavailable(
                f"the model's preprocessing has {key} = {given}; only {expected} is supported"
            )
    edge = _side(config.get("size"), folder)
    crop = _side(config.get("crop_size"), folder)
    if edge != crop:
        raise ModelUnavailable(f"the model resizes to {edge} pixels and crops to {crop}; they must be equal")
    mean, std = config.get("image_mean", _MEAN), config.get("image_std", _STD)
    return Preprocessing(size_px=crop, mean=tuple(map(float, mean)), std=tuple(map(float, std)))


def _image_processor(folder: Path) -> Mapping[str, Any]:
    for file, key in (("processor_config.json", "image_processor"), ("preprocessor_config.json", None)):
        if (folder / file).is_file():
            config = json.loads((folder / file).read_text(encoding="utf-8"))
            if key is None or key in config:
                found: Mapping[str, Any] = config[key] if key else config
                return found
    return {}


def _side(size: Any, folder: Path) -> int:
    match size:
        case None:
            return _SIZE_PX
        case int():
            return size
        case {"shortest_edge": int(edge)}:
            return edge
        case {"height": int(height), "width": int(width)} if height == width:
            return height
    raise ModelUnavailable(
        f"the preprocessing in {folder} asks for the size {size}; only a square is supported"
    )
