"""Recall and precision at k."""

import pytest
import torch

from training.evaluation.metrics import precision_at, recall_at, recall_of, reciprocal_rank


def test_recall_counts_rows_whose_right_column_is_among_the_best() -> None:
    similarity = torch.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    right = torch.tensor([0, 1, 2])

    assert recall_at(similarity, right, k=1) == pytest.approx(1 / 3)
    assert recall_at(similarity, right, k=2) == pytest.approx(2 / 3)
    assert recall_at(similarity, right, k=3) == 1


def test_precision_is_the_share_of_relevant_columns_among_the_best() -> None:
    similarity = torch.tensor([[0.9, 0.8, 0.7, 0.6]])
    relevant = torch.tensor([[True, False, True, True]])

    assert precision_at(similarity, relevant, k=2).tolist() == [0.5]


def test_precision_does_not_ask_for_more_than_there_is() -> None:
    similarity = torch.tensor([[0.9, 0.8, 0.7, 0.6]])
    relevant = torch.tensor([[True, False, False, False]])

    assert precision_at(similarity, relevant, k=3).tolist() == [1.0]


def test_any_of_several_right_columns_counts_as_found() -> None:
    similarity = torch.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    relevant = torch.tensor([[False, True, True], [False, False, True]])

    assert recall_of(similarity, relevant, k=2) == 0.5
    assert recall_of(similarity, relevant, k=10) == 1


def test_the_reciprocal_rank_is_that_of_the_first_right_column() -> None:
    similarity = torch.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    relevant = torch.tensor([[True, False, True], [False, False, True]])

    assert reciprocal_rank(similarity, relevant) == pytest.approx((1 + 1 / 3) / 2)


def test_a_model_that_says_the_same_of_everything_ranks_last() -> None:
    assert reciprocal_rank(torch.ones(1, 4), torch.tensor([[True, False, False, False]])) == 0.25
