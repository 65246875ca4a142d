"""Retrieval metrics over matrices of similarity: recall@k, precision@k, reciprocal rank."""

from __future__ import annotations

import torch
from torch import Tensor


def recall_at(similarity: Tensor, right: Tensor, *, k: int) -> float:
    """Return the share of rows whose right column (`right`) is among the k most similar columns."""
    best = similarity.topk(k, dim=1).indices
    return float((best == right[:, None]).any(dim=1).float().mean())


def recall_of(similarity: Tensor, relevant: Tensor, *, k: int) -> float:
    """Return the share of rows that have a relevant column among the k most similar columns."""
    best = similarity.topk(min(k, similarity.shape[1]), dim=1).indices
    return float(relevant.gather(1, best).any(dim=1).float().mean())


def reciprocal_rank(similarity: Tensor, relevant: Tensor) -> float:
    """Return the mean reciprocal rank of each row's best relevant column; ties make the rank worse."""
    best = similarity.masked_fill(~relevant, -torch.inf).amax(dim=1, keepdim=True)
    before = ((similarity >= best) & ~relevant).sum(dim=1)
    return float((1 / (before + 1)).mean())


def precision_at(similarity: Tensor, relevant: Tensor, *, k: int) -> Tensor:
    """Return for each row the share of the k most similar columns that are relevant.

    If a row has only m < k relevant columns, the share is relative to m: the number of relevant columns among
    the k most similar, divided by m.
    """
    best = similarity.topk(min(k, similarity.shape[1]), dim=1).indices
    found = relevant.gather(1, best).sum(dim=1)
    possible = relevant.sum(dim=1).clamp(min=1, max=k)
    return found / possible
