"""Tests of simulated photographs, which are computed on tensors for training."""

from collections.abc import Callable

import pytest

from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch

from training.data.augmentation import photographed_views, plain_views


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("take", [plain_views, photographed_views])
def test_views_keep_shape_and_range_and_depend_only_on_the_generator(
    pixels: torch.Tensor, take: Callable[..., torch.Tensor]
) -> None:
    once, again = (take(pixels, generator=torch.Generator().manual_seed(5)) for _ in range(2))

    assert torch.equal(once, again)
    assert once.shape == pixels.shape
    assert once.min() >= 0
    assert once.max() <= 1


def test_a_plain_view_is_nearer_to_the_cover_than_a_photograph(pixels: torch.Tensor) -> None:
    generator = torch.Generator().manual_seed(5)

    plain = (plain_views(pixels, generator=generator) - pixels).abs().mean()
    photographed = (photographed_views(pixels, generator=generator) - pixels).abs().mean()

    assert plain < photographed
