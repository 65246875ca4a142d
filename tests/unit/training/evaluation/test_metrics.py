"""Tests of recall and precision at k."""

import pytest

from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch

from training.evaluation.metrics import precision_at, recall_at, recall_of, reciprocal_rank


def test_recall_is_the_share_of_rows_with_a_relevant_column_in_the_top_k() -> None:
    similarity = torch.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    right = torch.tensor([0, 1, 2])

    assert recall_at(similarity, right, k=1) == pytest.approx(1 / 3)
    assert recall_at(similarity, right, k=2) == pytest.approx(2 / 3)
    assert recall_at(similarity, right, k=3) == 1


def test_precision_is_the_share_of_relevant_columns_in_the_top_k() -> None:
    similarity = torch.tensor([[0.9, 0.8, 0.7, 0.6]])
    relevant = torch.tensor([[True, False, True, True]])

    assert precision_at(similarity, relevant, k=2).tolist() == [0.5]


def test_precision_is_capped_by_the_number_of_relevant_columns() -> None:
    similarity = torch.tensor([[0.9, 0.8, 0.7, 0.6]])
    relevant = torch.tensor([[True, False, False, False]])

    assert precision_at(similarity, relevant, k=3).tolist() == [1.0]


def test_any_relevant_column_counts_as_found() -> None:
    similarity = torch.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    relevant = torch.tensor([[False, True, True], [False, False, True]])

    assert recall_of(similarity, relevant, k=2) == 0.5
    assert recall_of(similarity, relevant, k=10) == 1


def test_the_reciprocal_rank_uses_the_first_relevant_column() -> None:
    similarity = torch.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    relevant = torch.tensor([[True, False, True], [False, False, True]])

    assert reciprocal_rank(similarity, relevant) == pytest.approx((1 + 1 / 3) / 2)


def test_a_model_with_constant_scores_ranks_last() -> None:
    assert reciprocal_rank(torch.ones(1, 4), torch.tensor([[True, False, False, False]])) == 0.25
