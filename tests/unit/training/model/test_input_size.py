"""A model at another input size keeps its weights, and its positions follow the new grid."""

import json
from pathlib import Path

import pytest

from tests.optional_packages import NEEDS_TORCH

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from transformers import CLIPModel

from training.model.input_size import with_input_size
from training.model.losses import embed_pictures


@pytest.fixture
def model(tiny_model: Path) -> CLIPModel:
    loaded: CLIPModel = CLIPModel.from_pretrained(tiny_model)
    return loaded


def test_the_same_size_gives_the_same_vectors(model: CLIPModel) -> None:
    pixels = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        before, after = (embed_pictures(m, pixels) for m in (model, with_input_size(model, 32)))

    assert torch.equal(before, after)


def test_a_larger_size_adds_positions_between_the_old_ones(model: CLIPModel) -> None:
    larger = with_input_size(model, 48)

    old = model.vision_model.embeddings.position_embedding.weight
    new = larger.vision_model.embeddings.position_embedding.weight
    corner, opposite = ((new[1] - place).norm() for place in (old[1], old[-1]))

    assert new.shape == (1 + 6 * 6, old.shape[1])
    assert torch.equal(new[0], old[0])
    assert corner < opposite


def test_a_larger_model_takes_larger_pictures_and_is_saved_with_its_size(
    model: CLIPModel, tmp_path: Path
) -> None:
    with_input_size(model, 48).save_pretrained(tmp_path)

    loaded = CLIPModel.from_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())

    assert config["vision_config"]["image_size"] == 48
    assert embed_pictures(loaded, torch.rand(1, 3, 48, 48)).shape == (1, 512)


def test_a_size_between_patches_is_refused(model: CLIPModel) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        with_input_size(model, 44)
