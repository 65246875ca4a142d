"""The contrastive objective with several right answers."""

import pytest
import torch
from torch.nn import functional

from training.model.losses import any_of, twin_loss


def test_with_one_right_answer_it_is_the_ordinary_cross_entropy() -> None:
    logits = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))

    loss = any_of(logits, torch.eye(4, dtype=torch.bool))

    assert loss == pytest.approx(functional.cross_entropy(logits, torch.arange(4)).item())


def test_preferring_the_right_answers_costs_less_than_preferring_a_wrong_one() -> None:
    right = torch.tensor([[True, True, False]])

    good, bad = any_of(torch.tensor([[5.0, 5.0, 0.0]]), right), any_of(torch.tensor([[5.0, 0.0, 5.0]]), right)

    assert good < bad


def test_rows_without_a_right_answer_do_not_count() -> None:
    logits = torch.tensor([[1.0, 2.0], [3.0, -3.0]])

    loss = any_of(logits, torch.tensor([[True, False], [False, False]]))

    assert loss == any_of(logits[:1], torch.tensor([[True, False]]))


def test_without_any_right_answer_the_loss_is_zero_and_has_a_gradient() -> None:
    logits = torch.ones(2, 3, requires_grad=True)

    loss = any_of(logits, torch.zeros(2, 3, dtype=torch.bool))
    loss.backward()  # type: ignore[no-untyped-call]  # torch 2.13 leaves it untyped

    assert loss == 0
    assert logits.grad is not None


def test_twins_that_agree_cost_less_than_twins_mixed_up() -> None:
    pictures = functional.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(2)), dim=1)
    pictures = torch.cat([pictures, pictures])

    agreeing = twin_loss(pictures, torch.tensor([[0, 4], [1, 5], [2, 6], [3, 7]]))
    mixed = twin_loss(pictures, torch.tensor([[0, 5], [1, 4], [2, 7], [3, 6]]))

    assert agreeing < mixed
