"""Changes the size of the pictures that a CLIP takes, by interpolating its position embeddings."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPModel

_POSITIONS = "vision_model.embeddings.position_embedding.weight"
#: This buffer only counts the positions, so its value depends on the input size alone.
_POSITION_IDS = "vision_model.embeddings.position_ids"


def with_input_size(model: CLIPModel, size_px: int) -> CLIPModel:
    """Return a copy of the model that takes pictures of size_px x size_px with patches of the same size."""
    config = copy.deepcopy(model.config)
    vision: Any = config.vision_config  # transformers also allows a dictionary or None as its type
    if size_px % vision.patch_size:
        raise ValueError(
            f"the size of the pictures is a multiple of {vision.patch_size}, the size of a patch"
        )
    vision.image_size = size_px
    resized = CLIPModel(config)
    weights = dict(model.state_dict())
    weights[_POSITIONS] = _interpolated(weights[_POSITIONS], side=size_px // vision.patch_size)
    weights.pop(_POSITION_IDS, None)
    torch.nn.Module.load_state_dict(resized, weights)
    return resized


def _interpolated(positions: Tensor, *, side: int) -> Tensor:
    """Return the positions (1 + old side squared, width) for another number of patches in a row.

    The first position belongs to the class token and stays the same.
    """
    token, grid = positions[:1], positions[1:]
    old = round(len(grid) ** 0.5)
    if old == side:
        return positions
    square = grid.T.reshape(1, -1, old, old)
    wider = functional.interpolate(square, size=(side, side), mode="bicubic", align_corners=False)
    return torch.cat([token, wider.reshape(-1, side * side).T])
