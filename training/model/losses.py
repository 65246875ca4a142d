"""CLIP's contrastive loss (a softmax in both directions), extended to several right answers per row."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPModel

from training.data.batch import Batch

#: The scale of the picture-to-picture softmax; CLIP's learned scale is used only between pictures and texts.
_TWIN_SCALE = 20.0
_MOST_SCALE = 100.0


def losses(model: CLIPModel, batch: Batch, *, reader: nn.Linear | None = None) -> dict[str, Tensor]:
    """Return a dictionary with the named parts of the loss; training minimises their sum.

    `reader` classifies attributes from the picture tower alone. The reader is used only in training: it
    trains a new picture tower while the text tower is still untrained.
    """
    pooled = model.vision_model(pixel_values=batch.pixels).pooler_output
    pictures = functional.normalize(model.visual_projection(pooled).float(), dim=-1)
    captions, questions = slice(0, batch.captions), slice(batch.captions, None)
    texts = torch.cat([_embed_part(model, batch, part) for part in (captions, questions)])
    # Similarities are computed in float32, because bfloat16 has too few digits (three) to distinguish near
    # neighbours.
    with torch.autocast(batch.pixels.device.type, enabled=False):
        parts = _compare(model, batch, texts=texts, pictures=pictures)
        if reader is not None:
            answers = reader(pooled.float()).T
            parts["reading"] = _answering(answers, batch, first=batch.captions)
    return parts


def _compare(model: CLIPModel, batch: Batch, *, texts: Tensor, pictures: Tensor) -> dict[str, Tensor]:
    logits = model.logit_scale.exp().clamp(max=_MOST_SCALE) * texts @ pictures.T
    parts = {
        "text_to_picture": any_of(logits, batch.match),
        "picture_to_text": any_of(logits[: batch.captions].T, batch.match[: batch.captions].T),
    }
    if batch.groups:
        parts["picture_to_word"] = _answering(logits, batch, first=0)
    if len(batch.twins):
        parts["picture_to_picture"] = twin_loss(pictures, batch.twins)
    return parts


def _answering(scores: Tensor, batch: Batch, *, first: int) -> Tensor:
    """Return the sum of the losses of all groups of texts; row i of `scores` belongs to text `first` + i."""
    return torch.stack(
        [any_of(scores[low - first : high - first].T, batch.match[low:high].T) for low, high in batch.groups]
    ).sum()


def _embed_part(model: CLIPModel, batch: Batch, part: slice) -> Tensor:
    """Return the embeddings of some texts, which are padded only to the longest of them, to save time."""
    mask = batch.attention_mask[part]
    if not len(mask):
        return torch.empty(0, model.visual_projection.out_features, device=mask.device)
    longest = int(mask.sum(dim=1).max())
    ids = batch.input_ids[part]
    return embed_texts(model, input_ids=ids[:, :longest], attention_mask=mask[:, :longest])


def any_of(logits: Tensor, right: Tensor) -> Tensor:
    """Return the mean cross-entropy of the rows; a row's target is uniform over the row's right answers.

    Rows without a right answer are ignored; if no row has one, the loss is zero.
    """
    rows = right.any(dim=1)
    if not bool(rows.any()):
        return logits.sum() * 0
    target = right[rows].to(logits.dtype)
    spread = target / target.sum(dim=1, keepdim=True)
    return -(functional.log_softmax(logits[rows], dim=1) * spread).sum(dim=1).mean()


def twin_loss(pictures: Tensor, twins: Tensor) -> Tensor:
    """Return the cross-entropy of choosing, for each first picture of a cover, its twin among all twins."""
    logits = _TWIN_SCALE * pictures[twins[:, 0]] @ pictures[twins[:, 1]].T
    right = torch.arange(len(twins), device=logits.device)
    return (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2


def embed_pictures(model: CLIPModel, pixels: Tensor) -> Tensor:
    """Return the embeddings as float32 unit vectors of shape (n, projection)."""
    pooled = model.vision_model(pixel_values=pixels).pooler_output
    return functional.normalize(model.visual_projection(pooled).float(), dim=-1)


def embed_texts(model: CLIPModel, *, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Return the embeddings as float32 unit vectors of shape (n, projection)."""
    pooled = model.text_model(input_ids=input_ids, attention_mask=attention_mask).pooler_output
    return functional.normalize(model.text_projection(pooled).float(), dim=-1)
