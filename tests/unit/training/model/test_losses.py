"""Tests of the contrastive loss with several positive pairs per item."""

import pytest

from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from torch.nn import functional

from training.model.losses import any_of, twin_loss


def test_with_one_positive_the_loss_is_cross_entropy() -> None:
    logits = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))

    loss = any_of(logits, torch.eye(4, dtype=torch.bool))

    assert loss == pytest.approx(functional.cross_entropy(logits, torch.arange(4)).item())


def test_ranking_positives_first_lowers_the_loss() -> None:
    right = torch.tensor([[True, True, False]])

    good, bad = any_of(torch.tensor([[5.0, 5.0, 0.0]]), right), any_of(torch.tensor([[5.0, 0.0, 5.0]]), right)

    assert good < bad


def test_rows_without_a_positive_do_not_count() -> None:
    logits = torch.tensor([[1.0, 2.0], [3.0, -3.0]])

    loss = any_of(logits, torch.tensor([[True, False], [False, False]]))

    assert loss == any_of(logits[:1], torch.tensor([[True, False]]))


def test_without_positives_the_loss_is_zero_and_differentiable() -> None:
    logits = torch.ones(2, 3, requires_grad=True)

    loss = any_of(logits, torch.zeros(2, 3, dtype=torch.bool))
    loss.backward()  # type: ignore[no-untyped-call]  # torch 2.13 leaves it untyped

    assert loss == 0
    assert logits.grad is not None


def test_agreeing_twins_have_a_lower_loss_than_shuffled_ones() -> None:
    pictures = functional.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(2)), dim=1)
    pictures = torch.cat([pictures, pictures])

    agreeing = twin_loss(pictures, torch.tensor([[0, 4], [1, 5], [2, 6], [3, 7]]))
    mixed = twin_loss(pictures, torch.tensor([[0, 5], [1, 4], [2, 7], [3, 6]]))

    assert agreeing < mixed
