"""Initial weights that let the demo CLIP's picture tower learn faster than random weights do.

Random filters extract little more than the mean colour of an image patch. Filters that whiten the patches,
and position embeddings of similar magnitude, let the model see edges from the first training step.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import CLIPModel

#: To each variance, this share of the largest variance is added, so that whitening does not amplify noise.
_FLOOR = 3e-4
_POSITION_SIZE = 0.7


@torch.no_grad()
def prepare_picture_tower(model: CLIPModel, pictures: Tensor) -> None:
    """Set patch filters and position embeddings from sample pictures (n, 3, size, size) in -1..1."""
    embeddings = model.vision_model.embeddings
    patch = embeddings.patch_size
    filters, mean = _whitening(_patches(pictures, patch), count=embeddings.embed_dim)
    embeddings.patch_embedding.weight.copy_(filters.reshape(-1, 3, patch, patch))
    side = embeddings.image_size // patch
    places = _POSITION_SIZE * _sines(side, width=embeddings.embed_dim)
    embeddings.position_embedding.weight[1:] = places - filters @ mean


def _patches(pictures: Tensor, patch: int) -> Tensor:
    """Return all patches of the pictures as rows of shape (n, 3 * patch * patch)."""
    cut = pictures.unfold(2, patch, patch).unfold(3, patch, patch)
    return cut.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3 * patch * patch)


def _whitening(rows: Tensor, *, count: int) -> tuple[Tensor, Tensor]:
    """Return filters (count, inputs) for principal components of unit variance, and the mean row."""
    mean = rows.mean(dim=0)
    variance, directions = torch.linalg.eigh(torch.cov((rows - mean).T))
    top, axes = variance.flip(0)[:count], directions.flip(1)[:, :count]
    return (axes / (top + _FLOOR * variance[-1]).sqrt()).T.contiguous(), mean


def _sines(side: int, *, width: int) -> Tensor:
    """Return the sine and cosine waves of a square grid of positions, with shape (side * side, width)."""
    frequency = torch.exp(-math.log(10.0) * torch.arange(width // 4) / (width // 4)) * math.pi / 2
    line = torch.arange(side)[:, None] * frequency[None, :]
    waves = torch.cat([line.sin(), line.cos()], dim=1)
    rows = waves[:, None, :].expand(side, side, -1)
    columns = waves[None, :, :].expand(side, side, -1)
    return torch.cat([rows, columns], dim=-1).reshape(side * side, width)
